import type { Principal } from '../auth/principal.js';

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

/** The batches that tasks can join. */
export abstract class BatchBook {
  /**
   * Records a batch before its tasks are enqueued, or that it grows. Given options replace the previous ones.
   *
   * @throws ProblemError `name_taken` or `forbidden` when the key has no access to the batch's queues
   */
  abstract open(id: string, options: BatchOptions, members: NewMembers): Promise<void>;

  /**
   * Adds a single task to a batch of `POST /tasks/batch`. Other batches need no record.
   *
   * @throws ProblemError `name_taken` when the key has no access to the batch's queues
   */
  abstract join(id: string, members: NewMembers): Promise<void>;

  /** Call it after tasks were added to a batch: a finished batch is running again. */
  abstract grew(id: string): Promise<void>;

  /** Call it after a batch was opened without new tasks: its tasks may have ended before it was recorded. */
  abstract openedAgain(id: string): void;
}
