/** A queue in Redis as the benchmark uses it. */
export interface RedisQueue {
  /** Resolves when one more task is in the queue. */
  enqueue(): Promise<void>;
  /** Takes one task and ends it as a success. Rejects when there is none. */
  cycle(): Promise<void>;
  close(): Promise<void>;
}

export interface QueueOptions {
  readonly port: number;
  /** Nobody else uses a queue of this name. */
  readonly name: string;
}

/** What every task brings along, as the text of a JSON string: the record is some 600 bytes with it. */
export const CODE = 'x'.repeat(600);

export const OUTPUT = '42';
