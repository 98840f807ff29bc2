/** What a producer says of a batch as a whole. */
export interface BatchOptions {
  /** Is told when the batch is done. */
  readonly callbackUrl?: string;
  /** More failed tasks than that end the batch. */
  readonly maxFailures?: number;
}

/** Knows the batches that tasks are put into. */
export abstract class BatchBook {
  /** Notes a batch before its tasks come, or that more of them come. Options that are given replace those before. */
  abstract open(id: string, options: BatchOptions): Promise<void>;
}
