import type { Instant } from '../task/clock.js';
import type { Task } from '../task/task.js';
import { countIn, type StateCounts, type TaskState } from '../task/task-state.js';

export interface TaskFilter {
  readonly states?: readonly TaskState[];
  readonly queues?: readonly string[];
  readonly group?: string;
  readonly batchId?: string;
  readonly workerId?: string;
  /** The cause of the latest attempt that ended. */
  readonly cause?: string;
  readonly createdAfter?: Instant;
  readonly createdBefore?: Instant;
}

export interface TaskQuery extends TaskFilter {
  readonly limit: number;
  /** Cursor from the previous page. */
  readonly cursor?: string;
}

export interface TaskPage {
  /** Newest first. A page may be shorter than the limit, even empty, although a next page exists. */
  readonly tasks: readonly Task[];
  /** Safe in a URL: 1 to 200 of the characters A-Z a-z 0-9 _ -, for every queue name that clients may use. */
  readonly nextCursor?: string;
}

export interface QueueCounts {
  readonly queue: string;
  readonly counts: StateCounts;
  /** When the oldest waiting task became ready. */
  readonly oldestQueuedAt?: Instant;
}

/** Counts over all queues. */
export interface StoreTotals {
  readonly queued: number;
  /** Tasks in all states. */
  readonly all: number;
}

export type BatchCounts = Pick<QueueCounts, 'queue' | 'counts'>;

/**
 * Lists, counts and positions of tasks. Every driver promises:
 *
 * - **No dirty reads.** An answer contains only durable tasks, including every write acknowledged before the call.
 * - **Exact at rest.** Counts change with each commit. While no writes happen, their sum is the number of tasks.
 *
 * All methods reject with `StoreUnavailable` while the store is unavailable, closing or failed.
 */
export abstract class TaskViews {
  /** @throws RangeError when this store did not issue the cursor */
  abstract list(query: TaskQuery): Promise<TaskPage>;

  /** Counts of every queue with tasks. */
  abstract counts(): Promise<readonly QueueCounts[]>;

  /** The counts of one queue; `undefined` when it has no tasks. Takes equal time for any number of queues. */
  async countQueue(queue: string): Promise<QueueCounts | undefined> {
    return (await this.counts()).find((each) => each.queue === queue);
  }

  /** The sums over all queues. A driver that has to count may cache them for a few seconds. */
  async totals(): Promise<StoreTotals> {
    let [queued, all] = [0, 0];
    for (const { counts } of await this.counts()) {
      queued += counts.queued;
      all += countIn(counts);
    }
    return { queued, all };
  }

  /** Number of waiting tasks of a queue, including delayed ones. */
  abstract depth(queue: string): Promise<number>;

  /**
   * Counts the tasks of a batch per queue, in equal time for any batch size.
   *
   * @param queues the queues to count in; all by default, which may take longer the more queues there are
   */
  abstract countBatch(id: string, queues?: readonly string[]): Promise<readonly BatchCounts[]>;

  /**
   * The latest claim that gets the task, counted from the next one, if no task is added and no limit holds a task back:
   * 1 for the next task. `undefined` when the task is not queued.
   */
  abstract position(task: Task): Promise<number | undefined>;
}
