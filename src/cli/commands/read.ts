import type { ListedTask, TaskStatus } from '../../client/index.js';
import { membersOf } from '../../client/json-text.js';
import { summaryOf } from '../../task/error-summary.js';
import type { Context } from '../context.js';
import { printEnd } from './enqueue.js';

const COLUMNS = {
  EVAL_ID: (task: ListedTask) => task.eval_id,
  STATUS: (task: ListedTask) => task.status,
  QUEUE: (task: ListedTask) => task.queue,
  PRIORITY: (task: ListedTask) => task.priority,
  ATTEMPT: (task: ListedTask) => task.attempt,
  QUEUED_AT: (task: ListedTask) => task.queued_at,
  ERROR: (task: ListedTask) => task.error && summaryOf(task.error).slice(0, 60),
};

export interface GetOptions {
  readonly attempts?: boolean;
  /** Seconds; true waits without a limit. */
  readonly wait?: number | true;
}

/** `get`: shows a task, its attempts, or its output after it has ended. */
export async function get(id: string, options: GetOptions, context: Context): Promise<void> {
  if (options.wait !== undefined) {
    const timeout = options.wait === true ? undefined : options.wait;
    return printEnd(await context.client.wait(id, { timeout }), context);
  }
  if (!options.attempts) return context.single().record(await context.client.get(id));
  const attempts = await context.client.attempts(id);
  const columns = {
    ATTEMPT: (each: (typeof attempts)[number]) => each.attempt,
    OUTCOME: (each: (typeof attempts)[number]) => each.outcome,
    CAUSE: (each: (typeof attempts)[number]) => each.cause,
    WORKER: (each: (typeof attempts)[number]) => each.worker_id,
    STARTED_AT: (each: (typeof attempts)[number]) => each.started_at,
    ENDED_AT: (each: (typeof attempts)[number]) => each.ended_at,
    ERROR: (each: (typeof attempts)[number]) => each.error && summaryOf(each.error),
  };
  await context.list().rows(columns, attempts);
}

export interface ListOptions {
  readonly status?: string[];
  readonly queue?: string[];
  readonly batch?: string;
  readonly group?: string;
  readonly worker?: string;
  readonly cause?: string;
  readonly limit?: number;
}

/** `list` and `deadletters`: lists tasks, newest first. */
export async function list(options: ListOptions, context: Context): Promise<void> {
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  const tasks = context.client.list({
    status: options.status as TaskStatus['status'][] | undefined,
    queue: options.queue,
    batch_id: options.batch,
    group: options.group,
    worker_id: options.worker,
    cause: options.cause,
    limit: Math.min(limit, 500),
  });
  await context.list().rows(COLUMNS, first(limit, tasks));
}

export interface OutputOptions {
  readonly raw?: boolean;
  readonly field?: string;
}

/** `output`: prints the JSON text; with `--raw`, the content of a string. */
export async function output(id: string, options: OutputOptions, context: Context): Promise<void> {
  const text = await context.client.outputText(id);
  if (!options.raw && options.field === undefined) return context.list().foreign(`${text}\n`);
  // Kept as text, because parsing would change long numbers.
  const chosen = options.field === undefined ? text : fieldOf(text, options.field);
  const value: unknown = JSON.parse(chosen);
  await context.list().foreign(typeof value === 'string' ? value : `${chosen}\n`);
}

function fieldOf(text: string, field: string): string {
  return text.startsWith('{') ? (membersOf(text).get(field) ?? 'null') : 'null';
}

/** The first items; all without a count. */
export async function* first<Item>(
  count = Number.POSITIVE_INFINITY,
  items: AsyncIterable<Item>,
): AsyncGenerator<Item> {
  if (count <= 0) return;
  let left = count;
  for await (const item of items) {
    yield item;
    left -= 1;
    if (left <= 0) return;
  }
}
