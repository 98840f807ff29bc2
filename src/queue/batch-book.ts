import type { Principal } from '../auth/principal.js';
import type { ProblemError } from '../http/problem.error.js';

/** The options of a batch. */
export interface BatchOptions {
  /** Receives a webhook when the batch is done. */
  readonly callbackUrl?: string;
  /** More failed tasks cancel the rest of the batch. */
  readonly maxFailures?: number;
}

/** Tasks that will join a batch, and the key that enqueues them. */
export interface NewMembers {
  readonly queues: readonly string[];
  readonly principal: Principal;
}

/** A batch to open, or to let grow. Given options replace the previous ones. */
export interface Opening extends NewMembers {
  readonly id: string;
  readonly options: BatchOptions;
}

/** What a bulk request did. */
export interface Filled<T> {
  readonly result: T;
  /** The batches that have new tasks. */
  readonly grown: ReadonlySet<string>;
}

/** The batches that tasks can join. */
export abstract class BatchBook {
  /**
   * Opens batches, enqueues tasks into them, and has each opened batch checked, even if `enqueue` fails: its tasks may
   * have ended before it was recorded.
   *
   * @param enqueue receives the refusals of the batches that the key has no access to; their tasks must not be enqueued
   */
  abstract fill<T>(
    openings: readonly Opening[],
    enqueue: (refused: ReadonlyMap<string, ProblemError>) => Promise<Filled<T>>,
  ): Promise<T>;

  /**
   * Enqueues a single task into a batch of `POST /tasks/batch`. Other batches need no record.
   *
   * @throws ProblemError `name_taken` when the key has no access to the batch's queues; then nothing is enqueued
   * @throws StoreUnavailable after the write too, if the batch may not cover the queue of the task yet
   */
  abstract join<T>(id: string, members: NewMembers, enqueue: () => Promise<T>): Promise<T>;

  /**
   * Lets a batch cover the queues of tasks that will join it later.
   *
   * @throws ProblemError `name_taken` when the key has no access to the batch's queues
   */
  abstract cover(id: string, members: NewMembers): Promise<void>;
}
