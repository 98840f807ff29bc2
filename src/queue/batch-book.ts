import type { Principal } from '../auth/principal.js';

/** What a producer says of a batch as a whole. */
export interface BatchOptions {
  /** Is told when the batch is done. */
  readonly callbackUrl?: string;
  /** More failed tasks than that end the batch. */
  readonly maxFailures?: number;
}

/** Tasks that are about to join a batch, and whose key brings them. */
export interface NewMembers {
  readonly queues: readonly string[];
  readonly principal: Principal;
}

/** Knows the batches that tasks are put into. */
export abstract class BatchBook {
  /**
   * Notes a batch before its tasks come, or that more of them come. Options that are given replace those before.
   *
   * @throws ProblemError `name_taken` or `forbidden` when the batch belongs to queues that the key may not use
   */
  abstract open(id: string, options: BatchOptions, members: NewMembers): Promise<void>;

  /**
   * Lets a single task join a batch that `POST /tasks/batch` made. A batch that nobody made needs no note.
   *
   * @throws ProblemError `name_taken` when the batch belongs to queues that the key may not use
   */
  abstract join(id: string, members: NewMembers): Promise<void>;

  /** To be called after tasks of a batch were inserted: a batch that was done is running again. */
  abstract grew(id: string): Promise<void>;

  /** To be called after a batch was opened and got no new task: its tasks may have ended before it was noted. */
  abstract openedAgain(id: string): void;
}
