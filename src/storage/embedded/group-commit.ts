/** The error with which lmdb rejects a write. */
interface CommitFailure extends Error {
  readonly commitError?: Promise<never>;
}

/** The store failed before lmdb received these writes, so they are not in the file. */
export class NeverWritten extends Error {
  override readonly name = 'NeverWritten';
}

/** Adds writes to lmdb's open transaction and passes each promise of lmdb to `note`. */
export type Puts = () => void;

/** Number of tasks with which a full transaction begins; putting them takes some ten milliseconds. */
const HEAVY_WEIGHT = 1_000;
/** From this weight on, the puts of a transaction get their own turn of the event loop. */
const OWN_TURN_WEIGHT = 200;

/** Writes that become durable in one transaction. */
class Group {
  readonly puts: Puts[] = [];
  /** Approximate number of tasks. */
  weight = 0;
  readonly done: Promise<void>;
  resolve: () => void = () => undefined;
  reject: (error: unknown) => void = () => undefined;

  constructor() {
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Waiters handle the rejection themselves.
    this.done.catch(() => undefined);
  }
}

/**
 * Handles the rejection of an lmdb promise and of the promise with its reason. Unhandled, they would end the process.
 */
export function hear(write: PromiseLike<unknown>): void {
  write.then(undefined, (error: unknown) => (error as CommitFailure).commitError?.catch(() => undefined));
}

/**
 * Gives lmdb one transaction at a time. Writes that arrive meanwhile form the next one, so a slow disk leads to larger
 * transactions, not to more of them. After a failed write lmdb receives no further calls, because its memory may be
 * damaged.
 *
 * A transaction with 1,000 tasks accepts no further waiting writes, and its puts run in their own turn. Many
 * simultaneous bulk calls therefore do not delay all other calls.
 *
 * Encode and check writes first. A put that throws leaves the earlier puts in the transaction and therefore stops the
 * store, as a failed commit does.
 */
export class GroupCommit {
  /** Accepts writes until lmdb closes the transaction at the end of the turn; then it is pending. */
  private current: Group | undefined;
  private isUnderWay = false;
  /** Whether lmdb received puts for `current`. If not, lmdb has no transaction to close. */
  private hasPuts = false;
  /** Waiting groups in the order of their transactions. */
  private readonly next: Group[] = [];
  /** The puts of `current` run in a later turn. */
  private isDeferred = false;
  private lastWrite: Promise<unknown> = Promise.resolve();
  private failure: Error | undefined;

  /**
   * Writes all of `puts` in one transaction. Resolves when it is on disk, or at once when there is nothing to put.
   *
   * @param weight approximate number of tasks
   */
  write(puts: Puts, weight = 1): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(new NeverWritten(this.failure.message));
    const isHeavy = weight >= OWN_TURN_WEIGHT;
    // Writes keep their order, because events are numbered when they are written.
    const isBehind = this.next.length > 0 || (isHeavy && this.current !== undefined);
    if (this.isUnderWay || this.isDeferred || isBehind) return this.wait(puts, weight);
    if (isHeavy) {
      const group = (this.current = groupOf(puts, weight));
      this.runLater(group);
      return group.done;
    }
    const group = (this.current ??= new Group());
    this.run(group, [puts]);
    return group.done;
  }

  private wait(puts: Puts, weight: number): Promise<void> {
    const last = this.next.at(-1);
    if (last === undefined || last.weight + weight > HEAVY_WEIGHT) {
      const group = groupOf(puts, weight);
      this.next.push(group);
      return group.done;
    }
    last.puts.push(puts);
    last.weight += weight;
    return last.done;
  }

  /** Records the promise of a put. All promises of one transaction are the same, or fail together. */
  note(write: Promise<unknown>): void {
    this.hasPuts = true;
    if (write === this.lastWrite) return;
    this.lastWrite = write;
    hear(write);
  }

  /** Call this when lmdb closes the transaction. */
  closed(): void {
    const group = this.current;
    if (group === undefined || this.isUnderWay || this.isDeferred) return;
    this.isUnderWay = true;
    this.lastWrite.then(
      () => {
        this.landed(group);
      },
      (error: unknown) => {
        this.fail(error);
      },
    );
  }

  /** Resolves when all earlier writes are on disk or have failed. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.current?.done, ...this.next.map(({ done }) => done)]);
  }

  private landed(group: Group): void {
    this.isUnderWay = false;
    this.hasPuts = false;
    group.resolve();
    this.runNext();
  }

  private runNext(): void {
    const group = (this.current = this.next.shift());
    if (group === undefined) return;
    if (group.weight >= OWN_TURN_WEIGHT) this.runLater(group);
    else this.run(group, group.puts);
  }

  private runLater(group: Group): void {
    this.isDeferred = true;
    setImmediate(() => {
      this.isDeferred = false;
      if (this.failure === undefined) this.run(group, group.puts);
    });
  }

  private run(group: Group, all: readonly Puts[]): void {
    try {
      for (const puts of all) puts();
    } catch (error) {
      this.fail(error);
      group.reject(error);
    }
    if (this.hasPuts) return;
    group.resolve();
    this.runNext();
  }

  /** Stops all further calls to lmdb. */
  fail(error: unknown): void {
    this.failure ??= error instanceof Error ? error : new Error(String(error));
    this.current?.reject(this.isDeferred ? new NeverWritten(this.failure.message) : error);
    for (const group of this.next.splice(0)) group.reject(new NeverWritten(this.failure.message));
  }
}

function groupOf(puts: Puts, weight: number): Group {
  const group = new Group();
  group.puts.push(puts);
  group.weight = weight;
  return group;
}

/** The reason of a failed commit, which lmdb reports after the failure. */
export async function reasonOf(error: unknown): Promise<unknown> {
  const reason: unknown = await (error as CommitFailure).commitError?.catch((cause: unknown) => cause);
  return reason ?? error;
}
