import type { Instant } from '../task/clock.js';
import { TASK_STATES, CANCELLABLE_STATES, type StateCounts, countIn } from '../task/task-state.js';
import type { BatchOptions } from '../queue/batch-book.js';

/** The stored settings and progress of a batch, besides its tasks. */
export interface Batch extends BatchOptions {
  readonly id: string;
  readonly createdAt: Instant;
  /**
   * The names of the queues that the batch covers; it ignores its tasks in other queues. Absent from batches of older
   * versions: those cover the queues in which they have tasks.
   */
  readonly queues?: readonly string[];
  /** When tasks were last enqueued into the batch, to the minute. Absent from batches of older versions. */
  readonly openedAt?: Instant;
  /** When the last task ended. Cleared when a task joins or is redriven. */
  readonly doneAt?: Instant;
  /** The end of the previous run. The next end is later, so that each end has its own name. */
  readonly lastDoneAt?: Instant;
  /** Whether the listeners have recorded the end at `doneAt`. */
  readonly isTold?: boolean;
  /** When the remaining tasks were last cancelled as a whole. */
  readonly cancelledAt?: Instant;
}

/** A batch whose tasks have all ended. */
export interface FinishedBatch extends Batch {
  readonly doneAt: Instant;
  readonly counts: StateCounts;
}

/** The changes to the tasks of a batch since its last check. */
export interface BatchNews {
  /** When a task joined or was redriven; the task was durable by then. */
  readonly reopenedAt?: Instant;
  /** When a task ended: the time of its transition. */
  readonly endedAt?: Instant;
}

/** Milliseconds. The maximum difference between the readings of two replicas that use one store clock. */
const SKEW_MS = 100;

/**
 * Whether the news belong to a later run than the one that ended at `doneAt`. True in case of doubt: a duplicate
 * announcement is better than a missing one.
 */
export function isAnotherRun({ reopenedAt, endedAt }: BatchNews, doneAt: Instant, now: Instant): boolean {
  // A `doneAt` in the future was written under a wrong clock and proves no order.
  const isPlausible = doneAt <= now + SKEW_MS;
  if (reopenedAt !== undefined && (reopenedAt >= doneAt - SKEW_MS || !isPlausible)) return true;
  return endedAt !== undefined && endedAt > doneAt + SKEW_MS;
}

/** The batch after a reopening. */
export function running({ doneAt, isTold: _, ...batch }: Batch): Batch {
  return { ...batch, lastDoneAt: doneAt ?? batch.lastDoneAt };
}

/** The batch after the end of its last task. */
export function done(batch: Batch, now: Instant): Batch & { readonly doneAt: Instant } {
  const { lastDoneAt = -Infinity } = batch;
  // A `lastDoneAt` further ahead was written under a wrong clock.
  const isNear = lastDoneAt - now < 1_000;
  return { ...batch, doneAt: isNear ? Math.max(now, lastDoneAt + 1) : now, isTold: undefined };
}

export function sumOf(counts: readonly StateCounts[]): StateCounts {
  const sums = TASK_STATES.map((state) => [state, counts.reduce((sum, each) => sum + each[state], 0)]);
  return Object.fromEntries(sums) as StateCounts;
}

/** The number of tasks that have not ended. */
export function pendingOf(counts: StateCounts): number {
  return countIn(counts, CANCELLABLE_STATES);
}

export function isDone(counts: StateCounts): boolean {
  return pendingOf(counts) === 0 && countIn(counts) > 0;
}
