import { randomBytes } from 'node:crypto';

/** Milliseconds for which a late insert of a removed task is refused. Longer than a command can be in transit. */
export const FENCE_MS = 10_000;

/**
 * Every key of the Redis store. All keys of a queue share its hash tag, so a script about one queue has them on one
 * node of a Cluster. Scripts derive further keys from the key of the queue.
 */
export class Keys {
  /** @param prefix the beginning of every key */
  constructor(private readonly prefix: string) {}

  /** Names of all queues that ever had a task. */
  get queues(): string {
    return `${this.prefix}:queues`;
  }

  /** The number of clears. */
  get generation(): string {
    return `${this.prefix}:generation`;
  }

  /** A channel to which every process that supports clear marks subscribes (ADR 36). It carries no messages. */
  get marks(): string {
    return `${this.prefix}:marks`;
  }

  /** The channel of all changes of queue settings. A message is the name of the queue. */
  get settings(): string {
    return `${this.prefix}:settings`;
  }

  /** The channel on which every script publishes its transitions, see `lua/events.lua`. */
  get moves(): string {
    return `${this.prefix}:moves`;
  }

  /** A channel on which a process sends messages to itself, to check its subscription. */
  echo(nonce: string): string {
    return `${this.prefix}:echo:${nonce}`;
  }

  /** The beginning of the keys of all documents of a kind. They are on one node. */
  documents(kind: string): string {
    return `${this.prefix}:documents:{${kind}}`;
  }

  queue(name: string): string {
    return `${this.prefix}:{${name}}`;
  }

  /** The entry of an id in the directory. */
  entry(id: string): string {
    return `${this.prefix}:id:${id}`;
  }

  /** The queues of a claim call. */
  claim(claimKey: string): string {
    return `${this.prefix}:claim:${claimKey}`;
  }

  task(queue: string, id: string): string {
    return `${this.queue(queue)}:task:${id}`;
  }

  /** The log of an attempt, see `lua/logs.lua`. */
  log(queue: string, id: string, attempt: number): string {
    return `${this.queue(queue)}:log:${attempt}:${id}`;
  }

  /** A staged task of a bulk insert, see `lua/insertion.lua`. */
  staged(queue: string, nonce: string, number: number): string {
    return `${this.queue(queue)}:staged:${nonce}:${number}`;
  }

  ready(queue: string): string {
    return `${this.queue(queue)}:ready`;
  }

  batch(queue: string, batchId: string): string {
    return `${this.queue(queue)}:batch:${batchId}`;
  }

  /** The number of tasks of a batch by state. */
  batchCounts(queue: string, batchId: string): string {
    return `${this.queue(queue)}:counts:${batchId}`;
  }

  /**
   * The key that earlier versions used for these counts. It is also the key of the ids of the batch `<batchId>:counts`.
   */
  oldBatchCounts(queue: string, batchId: string): string {
    return `${this.batch(queue, batchId)}:counts`;
  }

  /** Ids by the end of their leases. */
  leases(queue: string): string {
    return `${this.queue(queue)}:leases`;
  }

  /** A key that is written so that WAIT covers the writes before it. */
  confirmation(queue: string): string {
    return `${this.queue(queue)}:confirmed`;
  }

  events(queue: string): string {
    return `${this.queue(queue)}:events`;
  }

  outbox(queue: string): string {
    return `${this.queue(queue)}:outbox`;
  }

  state(queue: string, state: string): string {
    return `${this.queue(queue)}:state:${state}`;
  }
}

const ofThisProcess = randomBytes(9).toString('base64url');
let count = 0;

/** Unique for every insert of every process. */
export function newNonce(): string {
  count += 1;
  return `${ofThisProcess}${count.toString(36)}`;
}
