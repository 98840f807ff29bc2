import type { AcceptedTask, Client, RefusedItem, TaskDetails, TaskInput } from '../../client/index.js';
import { JsonText, membersOf, stringify } from '../../client/json-text.js';
import type { Context } from '../context.js';
import { CommandFailed, EXIT } from '../exit-code.js';
import { objectText, readAll, readObjects } from '../input.js';
import { ProgressBar } from '../progress-bar.js';

export interface EnqueueOptions {
  readonly id?: string;
  readonly queue?: string;
  readonly priority?: number;
  readonly delay?: number;
  readonly timeout?: number;
  readonly language?: string;
  readonly engine?: string;
  readonly maxAttempts?: number;
  readonly group?: string;
  readonly requires?: Readonly<Record<string, string>>;
  readonly metadata?: string;
  readonly batchId?: string;
  readonly ndjson?: boolean;
  /** Seconds; true waits without a limit. */
  readonly wait?: number | true;
}

const WAITS_AT_A_TIME = 16;

/** `enqueue`: one task with a file as its code, or one task per line. */
export async function enqueue(file: string, options: EnqueueOptions, context: Context): Promise<void> {
  const fields = fieldsOf(options);
  if (options.ndjson) return enqueueLines(file, { options, fields }, context);
  const enqueued = await context.client.enqueue({
    ...fields,
    eval_id: options.id,
    code: await readAll(file),
  });
  if (options.wait === undefined) return context.single().record(enqueued);
  const task = await context.client.wait(enqueued.eval_id, { timeout: secondsOf(options.wait) });
  await printEnd(task, context);
}

/** Prints the output of a completed task, or explains why the task has none. @throws CommandFailed */
export async function printEnd(task: TaskDetails, context: Context): Promise<void> {
  if (task.status !== 'completed') {
    const why = task.error === null ? '' : `: ${task.error}`;
    throw new CommandFailed(EXIT.unsuccessful, `Task ${task.eval_id} is ${task.status}${why}`);
  }
  const output = await outputOf(context.client, task.eval_id);
  if (output !== undefined) await context.list().foreign(`${output}\n`);
}

function fieldsOf(options: EnqueueOptions): Omit<TaskInput, 'code'> {
  const { queue, priority, delay, timeout, language, engine, group, requires } = options;
  const { maxAttempts, metadata, batchId } = options;
  const given = {
    ...{ queue, priority, delay, timeout, language, engine, group, requires },
    max_attempts: maxAttempts,
    batch_id: batchId,
  };
  const meant = metadata === undefined ? undefined : objectText(metadata, '--metadata');
  return { ...given, metadata: meant };
}

interface Lines {
  readonly options: EnqueueOptions;
  /** Values for fields that a line omits. */
  readonly fields: Omit<TaskInput, 'code'>;
}

async function enqueueLines(file: string, lines: Lines, context: Context): Promise<void> {
  const { batchId, wait } = lines.options;
  const bar = new ProgressBar(process.stderr, 'enqueued');
  const taken: string[] = [];
  let refused = 0;
  const printer = context.list();
  const report = async function* (): AsyncGenerator<AcceptedTask | RefusedItem> {
    for await (const answer of context.client.enqueueAll(tasksOf(file, lines), { batchId })) {
      bar.add(answer.accepted);
      refused += answer.rejected;
      for (const each of answer.results) if ('eval_id' in each) taken.push(each.eval_id);
      yield* wait === undefined ? answer.results : answer.results.filter((each) => 'problem' in each);
    }
  };
  const columns = {
    EVAL_ID: (each: AcceptedTask | RefusedItem) => ('eval_id' in each ? each.eval_id : undefined),
    STATUS: (each: AcceptedTask | RefusedItem) => ('status' in each ? each.status : 'refused'),
    PROBLEM: (each: AcceptedTask | RefusedItem) => ('problem' in each ? each.problem.detail : undefined),
  };
  await printer.rows(columns, report()).finally(() => bar.end());
  const unsuccessful = wait === undefined ? 0 : await waitForAll(taken, secondsOf(wait), context);
  if (refused > 0)
    throw new CommandFailed(
      EXIT.unsuccessful,
      `${refused} ${refused === 1 ? 'task was' : 'tasks were'} refused`,
    );
  if (unsuccessful > 0)
    throw new CommandFailed(
      EXIT.unsuccessful,
      `${unsuccessful} ${unsuccessful === 1 ? 'task' : 'tasks'} did not complete`,
    );
}

async function* tasksOf(file: string, { fields }: Lines): AsyncGenerator<JsonText> {
  for await (const line of readObjects(file)) yield withDefaults(line, fields);
}

/** Adds default fields to a line without changing its own text. */
function withDefaults(line: JsonText, fields: Omit<TaskInput, 'code'>): JsonText {
  const given = membersOf(line.text);
  const defaults = Object.entries(fields).flatMap(([name, value]) => {
    const text = given.has(name) ? undefined : stringify(value);
    return text === undefined ? [] : [`${JSON.stringify(name)}:${text}`];
  });
  if (defaults.length === 0) return line;
  const rest = line.text.trim().slice(1);
  return new JsonText(`{${defaults.join(',')}${given.size === 0 ? '' : ','}${rest}`);
}

/** Prints each task when it has ended; returns the number that did not complete. */
async function waitForAll(ids: readonly string[], timeout: number, context: Context): Promise<number> {
  const bar = new ProgressBar(process.stderr, 'ended', ids.length);
  const left = ids.values();
  const printer = context.list();
  let unsuccessful = 0;
  const waitOn = async (): Promise<void> => {
    for (const id of left) {
      const { eval_id, status, outcome, error } = await context.client.wait(id, { timeout });
      if (status !== 'completed') unsuccessful += 1;
      await printer.record({ eval_id, status, outcome, error });
      bar.add(1);
    }
  };
  try {
    await Promise.all(Array.from({ length: WAITS_AT_A_TIME }, waitOn));
  } finally {
    bar.end();
  }
  return unsuccessful;
}

async function outputOf(client: Client, id: string): Promise<string | undefined> {
  return client.outputText(id).catch((error: unknown) => {
    if ((error as { code?: string }).code === 'no_output') return undefined;
    throw error;
  });
}

function secondsOf(wait: number | true): number {
  return wait === true ? Number.POSITIVE_INFINITY : wait;
}
