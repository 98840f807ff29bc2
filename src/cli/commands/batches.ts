import type { BatchRedrive, BatchStatus } from '../../client/index.js';
import type { Context } from '../context.js';
import { CommandFailed, EXIT } from '../exit-code.js';
import { first } from './read.js';
import { type Plan, sample, scopeOf, settle, type SureOptions } from '../plan.js';

const COLUMNS = {
  BATCH: (row: BatchStatus) => row.batch_id,
  STATUS: (row: BatchStatus) => row.status,
  TOTAL: (row: BatchStatus) => row.total,
  PENDING: (row: BatchStatus) => row.pending,
  COMPLETED: (row: BatchStatus) => row.counts.completed,
  FAILED: (row: BatchStatus) => row.counts.failed,
  CANCELLED: (row: BatchStatus) => row.counts.cancelled,
  EXPIRED: (row: BatchStatus) => row.counts.expired,
  CREATED_AT: (row: BatchStatus) => row.created_at,
};

export interface LimitOptions {
  readonly limit?: number;
}

/** `batches`: lists batches, newest first. */
export async function listBatches({ limit }: LimitOptions, context: Context): Promise<void> {
  await context.list().rows(COLUMNS, first(limit, context.client.batches.list()));
}

export interface ShowBatchOptions {
  /** Seconds; true waits without a limit. */
  readonly wait?: number | true;
}

/**
 * `batches show`: counts the tasks of a batch, with `--wait` when all have ended.
 *
 * @throws CommandFailed when a task of the awaited batch did not complete
 */
export async function showBatch(id: string, { wait }: ShowBatchOptions, context: Context): Promise<void> {
  if (wait === undefined) return context.single().record(await context.client.batches.get(id));
  const batch = await context.client.batches.wait(id, { timeout: wait === true ? undefined : wait });
  await context.single().record(batch);
  const left = batch.total - batch.counts.completed;
  if (left > 0)
    throw new CommandFailed(EXIT.unsuccessful, `${left} ${left === 1 ? 'task' : 'tasks'} did not complete`);
}

export interface CancelBatchOptions extends SureOptions {
  readonly reason?: string;
  readonly cause?: string;
}

/** `batches cancel`: cancels the tasks of a batch that have not ended. */
export async function cancelBatch(id: string, options: CancelBatchOptions, context: Context): Promise<void> {
  const { reason, cause } = options;
  const filter = { status: ['queued', 'delayed', 'processing'], batch_id: id, cause } as const;
  const plan: Plan = {
    what: `waiting or held tasks${scopeOf({ batch: id, cause })}`,
    question: 'Cancel them?',
    isDestructive: true,
    sample: () => sample(context, filter),
  };
  // An unknown batch is an error, also for a dry run.
  await context.client.batches.get(id);
  if (!(await settle(plan, options, context))) return;
  await context.single().record(await context.client.batches.cancel(id, { reason, cause }));
}

export interface RedriveBatchOptions extends SureOptions, BatchRedrive {}

/** `batches redrive`: returns the dead letters of a batch to their queues. */
export async function redriveBatch(
  id: string,
  options: RedriveBatchOptions,
  context: Context,
): Promise<void> {
  const { outcome, cause, reset } = options;
  const plan: Plan = {
    what: `${outcome ?? 'failed and expired'} tasks${scopeOf({ batch: id, cause })}`,
    question: 'Redrive them?',
    isDestructive: false,
    sample: () =>
      sample(
        context,
        { status: ['failed', 'expired'], batch_id: id, cause },
        { isWanted: (task) => outcome === undefined || task.outcome === outcome },
      ),
  };
  await context.client.batches.get(id);
  if (!(await settle(plan, options, context))) return;
  await context.single().record(await context.client.batches.redrive(id, { outcome, cause, reset }));
}
