import type { Instant } from '../task/clock.js';
import { TASK_STATES, CANCELLABLE_STATES, type StateCounts, countIn } from '../task/task-state.js';
import type { BatchOptions } from '../queue/batch-book.js';

/** What is kept of a batch beside its tasks. */
export interface Batch extends BatchOptions {
  readonly id: string;
  readonly createdAt: Instant;
  /**
   * The queues that the batch belongs to, by name: its tasks in other queues are none of its business. Absent from a
   * batch that an older version made; then it belongs to the queues in which it has tasks.
   */
  readonly queues?: readonly string[];
  /** When tasks were enqueued into it last, to the minute; absent from a batch that an older version made. */
  readonly openedAt?: Instant;
  /** When its last task ended. Holds as long as no task has joined or was redriven since. */
  readonly doneAt?: Instant;
  /** The end before the present run: the next one is later, so that no two ends have the same name. */
  readonly lastDoneAt?: Instant;
  /** The listeners know of the end at `doneAt`. */
  readonly isTold?: boolean;
  /** When what was left was cancelled as a whole. */
  readonly cancelledAt?: Instant;
}

/** A batch of which every task has ended. */
export interface FinishedBatch extends Batch {
  readonly doneAt: Instant;
  readonly counts: StateCounts;
}

/** What was seen of the tasks of a batch since the batch was looked at last. */
export interface BatchNews {
  /** A task joined or was redriven, and was durable by then. */
  readonly reopenedAt?: Instant;
  /** A task ended, by the time of its transition. */
  readonly endedAt?: Instant;
}

/** Two replicas read the clock of one store; their readings differ by no more. */
const SKEW_MS = 100;

/** Whether the news are of another run than the one that ended at `doneAt`. When in doubt they are: an end told twice
 * is better than one never told. */
export function isAnotherRun({ reopenedAt, endedAt }: BatchNews, doneAt: Instant, now: Instant): boolean {
  // The clock was ahead when that was written, so it says nothing about what came first.
  const isBelievable = doneAt <= now + SKEW_MS;
  if (reopenedAt !== undefined && (reopenedAt >= doneAt - SKEW_MS || !isBelievable)) return true;
  return endedAt !== undefined && endedAt > doneAt + SKEW_MS;
}

/** The batch with tasks to come. */
export function running({ doneAt, isTold: _, ...batch }: Batch): Batch {
  return { ...batch, lastDoneAt: doneAt ?? batch.lastDoneAt };
}

/** The batch when its last task has ended. */
export function done(batch: Batch, now: Instant): Batch & { readonly doneAt: Instant } {
  const { lastDoneAt = -Infinity } = batch;
  // An end that lies further ahead was noted under a wrong clock.
  const isNear = lastDoneAt - now < 1_000;
  return { ...batch, doneAt: isNear ? Math.max(now, lastDoneAt + 1) : now, isTold: undefined };
}

/** Its tasks by state, without those in queues that the batch does not belong to. */
export function countsIn(
  { queues }: Pick<Batch, 'queues'>,
  byQueue: readonly { readonly queue: string; readonly counts: StateCounts }[],
): StateCounts {
  return sumOf(byQueue.filter(({ queue }) => queues?.includes(queue) ?? true).map(({ counts }) => counts));
}

export function sumOf(counts: readonly StateCounts[]): StateCounts {
  const sums = TASK_STATES.map((state) => [state, counts.reduce((sum, each) => sum + each[state], 0)]);
  return Object.fromEntries(sums) as StateCounts;
}

/** Tasks that have not ended. */
export function pendingOf(counts: StateCounts): number {
  return countIn(counts, CANCELLABLE_STATES);
}

export function isDone(counts: StateCounts): boolean {
  return pendingOf(counts) === 0 && countIn(counts) > 0;
}
