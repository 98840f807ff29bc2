import { hostname } from 'node:os';
import { type TaskContext, type ClaimedTask, Worker, type WorkerEvent } from '../../client/index.js';
import { CannotStart, runChild } from '../child-handler.js';
import type { Context } from '../context.js';
import { CommandFailed, EXIT } from '../exit-code.js';

export interface WorkOptions {
  readonly jobs?: number;
  readonly queue?: string[];
  readonly weights?: Readonly<Record<string, number>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly workerId?: string;
  readonly lease?: number;
  readonly once?: boolean;
  readonly untilEmpty?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `work`: runs a command for each task. The first signal lets what runs end, the second gives it back. */
export async function work(
  command: readonly string[],
  options: WorkOptions,
  context: Context,
): Promise<void> {
  const [program, ...args] = command;
  if (program === undefined)
    throw new CommandFailed(EXIT.usage, 'Say what to run: crucible-queue work -- COMMAND');
  // The command gets the lease, which is good for its own task alone, and not the key of the worker.
  const { QUEUE_API_KEY: _, ...environment } = process.env;
  const child = { command: [program, ...args] as const, isJson: options.json, environment };
  let failure: CannotStart | undefined;
  const handler = async (task: ClaimedTask, given: TaskContext): Promise<unknown> =>
    runChild(task, given, child).catch((error: unknown) => {
      if (!(error instanceof CannotStart)) throw error;
      failure = error;
      void worker.stop({ grace: 0 });
      throw error;
    });
  const worker = new Worker(context.client, handler, {
    workerId: options.workerId ?? `${hostname()}-${process.pid}`,
    queues: options.weights ?? options.queue,
    labels: options.labels,
    concurrency: options.jobs ?? 1,
    lease: options.lease,
    onEvent: (event) => tell(event, options, context),
  });
  const letGo = stopOnSignals(worker, context);
  try {
    const summary = await worker.run({
      maxTasks: options.once ? 1 : undefined,
      untilEmpty: options.untilEmpty,
    });
    if (!options.quiet) context.say(`ended: ${JSON.stringify(summary)}`);
  } finally {
    letGo();
  }
  if (failure) throw new CommandFailed(EXIT.unavailable, `${program} cannot be started: ${failure.message}`);
}

function stopOnSignals(worker: Worker, context: Context): () => void {
  let count = 0;
  const stop = (): void => {
    count += 1;
    context.say(count === 1 ? 'Finishing what runs; once more gives it back' : 'Giving back what runs');
    void worker.stop(count === 1 ? {} : { grace: 0 });
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return () => {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  };
}

function tell({ type, task, status, error }: WorkerEvent, { quiet }: WorkOptions, context: Context): void {
  if (quiet && type !== 'trouble') return;
  const about = task === undefined ? '' : ` ${task.eval_id} (attempt ${task.attempt})`;
  const ended = status === undefined || status === type ? '' : `, now ${status}`;
  const why = error instanceof Error ? `: ${error.message}` : '';
  context.say(`${type}${about}${ended}${why}`);
}
