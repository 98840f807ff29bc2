import type { Redrive, StatusAnswer, TaskStatus } from '../../client/index.js';
import { isEnded } from '../../client/index.js';
import type { Context } from '../context.js';
import { CommandFailed, EXIT } from '../exit-code.js';
import { type Plan, type Sample, sample, scopeOf, settle, type SureOptions } from '../plan.js';
import { cancelBatch } from './batches.js';

interface Named {
  readonly eval_id: string;
  readonly status: string;
}

const COLUMNS = { EVAL_ID: (row: Named) => row.eval_id, STATUS: (row: Named) => row.status };

type State = TaskStatus['status'];

export interface CancelOptions extends SureOptions {
  readonly reason?: string;
  readonly batch?: string;
  readonly cause?: string;
}

/**
 * `cancel`: the named tasks in order, up to the first that cannot be cancelled; or the tasks of a batch that have not
 * ended.
 */
export async function cancel(
  ids: readonly string[],
  options: CancelOptions,
  context: Context,
): Promise<void> {
  const { batch, cause, reason, dryRun } = options;
  if (ids.length > 0 === (batch !== undefined) || (cause !== undefined && batch === undefined))
    throw new CommandFailed(EXIT.usage, 'Name either the tasks, or a batch: --batch ID');
  if (batch !== undefined) return cancelBatch(batch, options, context);
  if (dryRun) return showStates(ids, (status) => !isEnded(status), context);
  await context.list().rows(
    COLUMNS,
    each(ids, (id) => context.client.cancel(id, { reason })),
  );
}

const WAITING: ReadonlySet<State> = new Set<State>(['queued', 'delayed']);
const PRIORITY_COLUMNS = {
  ...COLUMNS,
  PRIORITY: (row: Named & { readonly priority: number }) => row.priority,
};

/** `prioritize`: changes the priority of the named tasks in order. It stops at the first task that is not waiting. */
export async function prioritize(
  priority: number,
  ids: readonly string[],
  { dryRun }: SureOptions,
  context: Context,
): Promise<void> {
  if (dryRun) return showStates(ids, (status) => WAITING.has(status), context);
  await context.list().rows(
    PRIORITY_COLUMNS,
    each(ids, (id) => context.client.reprioritize(id, priority)),
  );
}

export interface RedriveOptions extends SureOptions {
  readonly status?: Redrive['status'];
  readonly queue?: string;
  readonly group?: string;
  readonly cause?: string;
  readonly limit?: number;
  /** Drops checkpoints. */
  readonly reset?: boolean;
}

/** The service's default limit of a redrive. */
const USUAL_LIMIT = 1_000;
const REDRIVABLE: ReadonlySet<State> = new Set<State>(['failed', 'expired', 'cancelled']);

/**
 * `redrive`: the named tasks, or all dead letters of a status. On a terminal it shows their number and asks for
 * confirmation.
 */
export async function redrive(
  ids: readonly string[],
  options: RedriveOptions,
  context: Context,
): Promise<void> {
  const { status, queue, group, cause, limit, reset } = options;
  const filter = { status, queue, group, cause, limit };
  if (ids.length > 0 && Object.values(filter).some((given) => given !== undefined))
    throw new CommandFailed(EXIT.usage, 'Name tasks, or a status and filters: not both');
  if (ids.length > 0) {
    if (options.dryRun) return showStates(ids, (state) => REDRIVABLE.has(state), context);
    return context.list().rows(
      COLUMNS,
      each(ids, (id) => context.client.redrive(id, { reset })),
    );
  }
  if (status === undefined)
    throw new CommandFailed(EXIT.usage, 'Name the tasks, or a status: --status failed');
  const kind = { ...filter, status, reset };
  if (!(await settle(redrivePlan(kind, context), options, context))) return;
  await context.single().record(await context.client.redriveAll(kind));
}

function redrivePlan({ limit = USUAL_LIMIT, ...filter }: Redrive, context: Context): Plan {
  const { status, group, cause } = filter;
  const queue = filter.queue === undefined ? undefined : [filter.queue];
  return {
    what: `${status} tasks${scopeOf({ queue, group, cause })}`,
    question: `Redrive them, at most ${limit}?`,
    isDestructive: false,
    sample: () => sample(context, { status: [status], queue, group, cause }, { limit }),
  };
}

/** `delete`: deletes ended tasks in order and stops at the first that has not ended. */
export async function remove(
  ids: readonly string[],
  { dryRun }: SureOptions,
  context: Context,
): Promise<void> {
  if (dryRun) return showStates(ids, isEnded, context);
  await context.list().rows(
    COLUMNS,
    each(ids, (id) => context.client.remove(id)),
  );
}

export interface ClearOptions extends SureOptions {
  readonly queue?: readonly string[];
  readonly status?: readonly State[];
  readonly cause?: string;
  readonly all?: boolean;
}

/** `clear`: removes the matching tasks, also held ones, or all tasks with `--all`. */
export async function clear(options: ClearOptions, context: Context): Promise<void> {
  const { queue, status, cause, all = false } = options;
  const filter = {
    ...(queue === undefined ? {} : { queue }),
    ...(status === undefined ? {} : { status }),
    ...(cause === undefined ? {} : { cause }),
  };
  const isFiltered = Object.keys(filter).length > 0;
  if (isFiltered === all)
    throw new CommandFailed(EXIT.usage, 'Name either what to remove (--queue, --status, --cause), or --all');
  if (!(await settle(clearPlan(options, context), options, context))) return;
  const removal = all ? { all } : (filter as { readonly queue: readonly string[] });
  await context.single().record(await context.client.clear(removal));
}

function clearPlan({ queue, status, cause }: ClearOptions, context: Context): Plan {
  const states = status === undefined ? '' : `${status.join(' and ')} `;
  return {
    what: `${states}tasks${scopeOf({ queue, cause })}`,
    question: 'Remove them, including held ones? This cannot be undone.',
    isDestructive: true,
    sample: async (): Promise<Sample> => {
      if (cause !== undefined) return sample(context, { queue, status, cause });
      const count = countIn(await context.client.status(), { queue, status });
      const { ids } = await sample(context, { queue, status }, { limit: 10 });
      return { count, isMore: false, ids };
    },
  };
}

const STATES = ['queued', 'delayed', 'processing', 'completed', 'failed', 'cancelled', 'expired'] as const;

function countIn(
  { queues }: StatusAnswer,
  { queue, status = STATES }: Pick<ClearOptions, 'queue' | 'status'>,
): number {
  const chosen = Object.entries(queues).filter(([name]) => queue?.includes(name) ?? true);
  return chosen.reduce(
    (total, [, counts]) => total + status.reduce((sum, state) => sum + counts[state], 0),
    0,
  );
}

/** `--dry-run` with named tasks. */
async function showStates(
  ids: readonly string[],
  isPossible: (status: State) => boolean,
  context: Context,
): Promise<void> {
  const look = async (id: string): Promise<Named & { would_change: boolean }> => {
    const { eval_id, status } = await context.client.get(id);
    return { eval_id, status, would_change: isPossible(status) };
  };
  const columns = { ...COLUMNS, WOULD_CHANGE: (row: { would_change: boolean }) => row.would_change };
  await context.list().rows(columns, each(ids, look));
}

async function* each<Row>(ids: readonly string[], act: (id: string) => Promise<Row>): AsyncGenerator<Row> {
  for (const id of ids) yield await act(id);
}
