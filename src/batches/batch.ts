import type { StateCounts } from '../storage/task-store.js';
import type { Instant } from '../task/clock.js';
import { isFinalState, TASK_STATES } from '../task/task.js';
import type { BatchOptions } from '../queue/batch-book.js';

/** What is kept of a batch beside its tasks. */
export interface Batch extends BatchOptions {
  readonly id: string;
  readonly createdAt: Instant;
  /** When tasks were enqueued into it last, to the minute; absent from a batch that an older version made. */
  readonly openedAt?: Instant;
  /** When its last task ended; absent while there are others, also those that came later. */
  readonly doneAt?: Instant;
  /** That it is done was told to whoever is to know. */
  readonly isTold?: boolean;
  /** When what was left was cancelled as a whole. */
  readonly cancelledAt?: Instant;
}

/** A batch of which every task has ended. */
export interface FinishedBatch extends Batch {
  readonly doneAt: Instant;
  readonly counts: StateCounts;
}

export function sumOf(counts: readonly StateCounts[]): StateCounts {
  const sums = TASK_STATES.map((state) => [state, counts.reduce((sum, each) => sum + each[state], 0)]);
  return Object.fromEntries(sums) as StateCounts;
}

export function totalOf(counts: StateCounts): number {
  return TASK_STATES.reduce((sum, state) => sum + counts[state], 0);
}

/** Tasks that have not ended. */
export function pendingOf(counts: StateCounts): number {
  return TASK_STATES.reduce((sum, state) => sum + (isFinalState(state) ? 0 : counts[state]), 0);
}

export function isDone(counts: StateCounts): boolean {
  return pendingOf(counts) === 0 && totalOf(counts) > 0;
}
