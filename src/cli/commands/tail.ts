import type { TaskEvent } from '../../client/index.js';
import { type Context, untilInterrupted } from '../context.js';
import { problemText } from '../exit-code.js';
import { textOf } from '../printer.js';

export interface TailOptions {
  readonly queue?: string[];
  readonly type?: string[];
  readonly id?: string[];
}

/** `tail`: streams transitions, and resumes after a broken connection. */
export async function tail(options: TailOptions, context: Context): Promise<void> {
  const type = options.type as TaskEvent['type'][] | undefined;
  const filter = { queue: options.queue, type, eval_id: options.id };
  let isTold = false;
  const onTrouble = (error: unknown): void => {
    if (!isTold) context.say(`${problemText(error, context.url)}; connecting again`);
    isTold = true;
  };
  const onOpen = (): void => {
    if (isTold) context.say(`${context.url} answers again`);
    isTold = false;
  };
  await untilInterrupted(async (signal) => {
    for await (const event of context.client.events(filter, { onTrouble, onOpen, signal })) {
      if (event.type === 'reset') context.say('Some events are missing: the service no longer keeps them');
      else await context.list().foreign(`${lineOf(event)}\n`);
    }
  });
}

function lineOf(event: TaskEvent): string {
  if (!process.stdout.isTTY) return JSON.stringify(event);
  const { timestamp, type, eval_id: id, queue, attempt, worker_id: worker, error } = event;
  return [timestamp, type, id, queue, attempt, worker, error]
    .filter((each) => each !== undefined)
    .map(textOf)
    .join('  ');
}
