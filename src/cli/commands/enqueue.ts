import {
  type AcceptedTask,
  type Client,
  ClientError,
  type RefusedItem,
  type TaskDetails,
  type TaskInput,
} from '../../client/index.js';
import { JsonText, membersOf, stringify } from '../../client/json-text.js';
import type { Context } from '../context.js';
import { CommandFailed, EXIT, exitCodeOf, problemText } from '../exit-code.js';
import { objectText, readAll, readObjects } from '../input.js';
import { textOf } from '../printer.js';
import { ProgressBar } from '../progress-bar.js';

/** Fields of a task, for one task and for the task of a schedule. */
export interface TaskOptions {
  readonly queue?: string;
  readonly priority?: number;
  readonly delay?: number;
  readonly ttl?: number;
  readonly deadline?: number;
  readonly timeout?: number;
  readonly language?: string;
  readonly engine?: string;
  readonly maxAttempts?: number;
  readonly maxInterruptions?: number;
  readonly backoff?: TaskInput['backoff'];
  readonly callbackUrl?: string;
  readonly group?: string;
  readonly requires?: Readonly<Record<string, string>>;
  readonly metadata?: string;
  readonly batch?: string;
}

export interface EnqueueOptions extends TaskOptions {
  readonly id?: string;
  readonly runAt?: string;
  readonly expiresAt?: string;
  readonly deadlineAt?: string;
  /** The earlier name of `batch`. */
  readonly batchId?: string;
  readonly batchCallbackUrl?: string;
  readonly maxFailures?: number;
  readonly ndjson?: boolean;
  /** Seconds; true waits without a limit. */
  readonly wait?: number | true;
}

const WAITS_AT_A_TIME = 16;

/** `enqueue`: one task with a file as its code, or one task per line. */
export async function enqueue(file: string, options: EnqueueOptions, context: Context): Promise<void> {
  const { runAt: run_at, expiresAt: expires_at, deadlineAt: deadline_at } = options;
  const fields = { ...fieldsOf({ ...options, batch: batchOf(options) }), run_at, expires_at, deadline_at };
  if (options.ndjson && options.id !== undefined)
    throw new CommandFailed(EXIT.usage, '--id names one task; with --ndjson, each line has its own eval_id');
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

function batchOf({ batch, batchId }: EnqueueOptions): string | undefined {
  return batch ?? batchId;
}

/** The fields of a task that the options give. */
export function fieldsOf(options: TaskOptions): Omit<TaskInput, 'code'> {
  const { queue, priority, delay, ttl, deadline, timeout, language, engine, group, requires, backoff } =
    options;
  const { metadata } = options;
  return {
    ...{ queue, priority, delay, ttl, deadline, timeout, language, engine, group, requires, backoff },
    max_attempts: options.maxAttempts,
    max_interruptions: options.maxInterruptions,
    callback_url: options.callbackUrl,
    batch_id: options.batch,
    metadata: metadata === undefined ? undefined : objectText(metadata, '--metadata'),
  };
}

interface Lines {
  readonly options: EnqueueOptions;
  /** Values for fields that a line omits. */
  readonly fields: Omit<TaskInput, 'code'>;
}

/** The service's result for a line of the file. */
type LineResult = (AcceptedTask | (RefusedItem & { readonly eval_id?: string })) & { readonly line: number };

const COLUMNS = {
  LINE: (each: LineResult) => each.line,
  EVAL_ID: (each: LineResult) => each.eval_id,
  STATUS: (each: LineResult) => ('status' in each ? each.status : 'refused'),
  PROBLEM: (each: LineResult) => ('problem' in each ? each.problem.detail : undefined),
};

async function enqueueLines(file: string, lines: Lines, context: Context): Promise<void> {
  const { wait, batchCallbackUrl, maxFailures } = lines.options;
  const batch = { batchId: batchOf(lines.options), callbackUrl: batchCallbackUrl, maxFailures };
  const bar = new ProgressBar(process.stderr, 'enqueued');
  const source = new LineSource(file, lines);
  const accepted: string[] = [];
  const refused: LineResult[] = [];
  const report = async function* (): AsyncGenerator<LineResult> {
    for await (const answer of context.client.enqueueAll(source.tasks(), batch)) {
      bar.add(answer.accepted);
      for (const result of source.settle(answer.results)) {
        if ('problem' in result) refused.push(result);
        else accepted.push(result.eval_id);
        if (wait === undefined || 'problem' in result) yield result;
      }
    }
  };
  const onFailure = (error: unknown): never => {
    const code = exitCodeOf(error);
    const before = accepted.length === 0 ? '' : `; ${countOf(accepted)} enqueued before`;
    if (!(error instanceof ClientError)) throw withNote(error, before);
    throw new CommandFailed(
      code,
      `${file}, ${source.unsettled()}: ${problemText(error, context.url)}${before}`,
    );
  };
  await context
    .list()
    .rows(COLUMNS, report())
    .catch(onFailure)
    .finally(() => bar.end());
  const unsuccessful = wait === undefined ? 0 : await waitForAll(accepted, secondsOf(wait), context);
  const [first] = refused;
  if (first !== undefined) {
    const id = first.eval_id === undefined ? '' : ` (${textOf(first.eval_id)})`;
    const why = 'problem' in first ? first.problem.detail : '';
    const which = refused.length === 1 ? '' : 'the first: ';
    throw new CommandFailed(
      EXIT.unsuccessful,
      `${countOf(refused)} refused; ${which}${file}, line ${first.line}${id}: ${why}`,
    );
  }
  if (unsuccessful > 0)
    throw new CommandFailed(
      EXIT.unsuccessful,
      `${unsuccessful} ${unsuccessful === 1 ? 'task' : 'tasks'} did not complete`,
    );
}

function countOf(items: readonly unknown[]): string {
  return items.length === 1 ? '1 task was' : `${items.length} tasks were`;
}

function withNote(error: unknown, note: string): unknown {
  return error instanceof CommandFailed && note !== ''
    ? new CommandFailed(error.exitCode, error.message + note)
    : error;
}

/** The tasks of a file, which remembers the line of each until the service has answered. */
class LineSource {
  private readonly sent: { readonly line: number; readonly eval_id: string | undefined }[] = [];
  private settled = 0;
  private isRead = false;

  constructor(
    private readonly file: string,
    private readonly lines: Lines,
  ) {}

  async *tasks(): AsyncGenerator<JsonText> {
    for await (const { number, text } of readObjects(this.file)) {
      this.sent.push({ line: number, eval_id: idIn(text) });
      yield withDefaults(text, this.lines.fields);
    }
    this.isRead = true;
  }

  /** The results of the next tasks, in the order of the file, with their lines. */
  settle(results: readonly (AcceptedTask | RefusedItem)[]): LineResult[] {
    const found = this.sent.splice(0, results.length);
    const before = this.settled;
    this.settled += results.length;
    return results.map((result, at): LineResult => {
      const { line = 0, eval_id } = found[at] ?? {};
      const index = before + at;
      return 'problem' in result
        ? { index, line, ...(eval_id === undefined ? {} : { eval_id }), problem: result.problem }
        : { ...result, index, line };
    });
  }

  /** The lines of a request that was not answered. Before the end of the file, one line more has been read. */
  unsettled(): string {
    const sent = this.isRead || this.sent.length === 1 ? this.sent : this.sent.slice(0, -1);
    const [first, last] = [sent[0]?.line, sent.at(-1)?.line];
    return first === last ? `line ${first}` : `lines ${first} to ${last}`;
  }
}

function idIn(task: JsonText): string | undefined {
  const text = membersOf(task.text).get('eval_id');
  const id: unknown = text === undefined ? undefined : JSON.parse(text);
  return typeof id === 'string' ? id : undefined;
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
