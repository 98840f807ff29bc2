import type { Redrive } from '../../client/index.js';
import { confirm, isOnTerminal } from '../confirm.js';
import type { Context } from '../context.js';
import { CommandFailed, EXIT } from '../exit-code.js';

interface Named {
  readonly eval_id: string;
  readonly status: string;
}

const COLUMNS = { EVAL_ID: (row: Named) => row.eval_id, STATUS: (row: Named) => row.status };

export interface CancelOptions {
  readonly reason?: string;
}

/** `cancel`: cancels tasks in order and stops at the first that cannot be cancelled. */
export async function cancel(
  ids: readonly string[],
  { reason }: CancelOptions,
  context: Context,
): Promise<void> {
  await context.list().rows(
    COLUMNS,
    each(ids, (id) => context.client.cancel(id, { reason })),
  );
}

/** `--yes`: skips the confirmation. */
export interface SureOptions {
  readonly yes?: boolean;
}

export interface RedriveOptions extends SureOptions {
  readonly status?: Redrive['status'];
  readonly queue?: string;
  readonly group?: string;
  readonly cause?: string;
  readonly limit?: number;
}

/** The service's default limit of a redrive. */
const USUAL_LIMIT = 1_000;

/**
 * `redrive`: the named tasks, or all dead letters of a status. On a terminal it shows their number and asks for
 * confirmation.
 */
export async function redrive(
  ids: readonly string[],
  options: RedriveOptions,
  context: Context,
): Promise<void> {
  const { status, queue, group, cause, limit } = options;
  const filter = { status, queue, group, cause, limit };
  if (ids.length > 0 && Object.values(filter).some((each) => each !== undefined))
    throw new CommandFailed(EXIT.usage, 'Name tasks, or a status and filters: not both');
  if (ids.length > 0)
    return context.list().rows(
      COLUMNS,
      each(ids, (id) => context.client.redrive(id)),
    );
  if (status === undefined)
    throw new CommandFailed(EXIT.usage, 'Name the tasks, or a status: --status failed');
  const kind = { ...filter, status };
  if (options.yes !== true && isOnTerminal()) await confirmRedrive(kind, context);
  await context.single().record(await context.client.redriveAll(kind));
}

async function confirmRedrive({ limit = USUAL_LIMIT, ...filter }: Redrive, context: Context): Promise<void> {
  const { status, queue, group, cause } = filter;
  let count = 0;
  const matching = context.client.list({
    status: [status],
    queue: queue === undefined ? undefined : [queue],
    group,
    cause,
    limit: Math.min(limit, USUAL_LIMIT),
  });
  for await (const _task of matching) {
    count += 1;
    if (count === limit) break;
  }
  const which = [
    `${count} ${status} ${count === 1 ? 'task' : 'tasks'}`,
    queue === undefined ? 'of all queues' : `of queue ${queue}`,
    ...(group === undefined ? [] : [`of group ${group}`]),
    ...(cause === undefined ? [] : [`with cause ${cause}`]),
  ].join(' ');
  if (count === 0) throw new CommandFailed(EXIT.notFound, `No ${status} tasks match`);
  const bound = count === limit ? `; --limit ${limit} leaves out any others` : '';
  await confirm(context, { preview: `${which}${bound}`, question: 'Redrive them?' });
}

/**
 * `pause`: an unknown queue, without tasks and settings, may be misspelt. Without `--yes` the command asks for
 * confirmation on a terminal, and fails elsewhere.
 */
export async function pauseQueue(queue: string, { yes }: SureOptions, context: Context): Promise<void> {
  if (yes !== true && !(await isKnown(queue, context))) {
    const preview = `There is no queue ${queue} yet: it has no tasks and no settings`;
    if (!isOnTerminal()) throw new CommandFailed(EXIT.notFound, `${preview}; add --yes to pause it anyway`);
    await confirm(context, { preview, question: 'Pause it anyway?' });
  }
  await context.single().record(await context.client.queues.pause(queue));
}

/** `resume`: resumes a queue. */
export async function resumeQueue(queue: string, context: Context): Promise<void> {
  await context.single().record(await context.client.queues.resume(queue));
}

async function isKnown(queue: string, { client }: Context): Promise<boolean> {
  return (await client.queues.list()).some((known) => known.queue === queue);
}

/** `drain`: a worker finishes its tasks and claims no more. */
export async function drain(worker: string, context: Context): Promise<void> {
  await context.single().record(await context.client.workers.drain(worker));
}

async function* each<Row>(ids: readonly string[], act: (id: string) => Promise<Row>): AsyncGenerator<Row> {
  for (const id of ids) yield await act(id);
}
