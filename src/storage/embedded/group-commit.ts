/** What lmdb rejects a write with. */
interface CommitFailure extends Error {
  readonly commitError?: Promise<never>;
}

/** The store has failed before these writes were given to lmdb: they are not in the file. */
export class NeverWritten extends Error {
  override readonly name = 'NeverWritten';
}

/** Adds writes to the open transaction of lmdb, and hands each promise that lmdb gives to `note`. */
export type Puts = () => void;

/** What becomes durable together. */
class Group {
  readonly puts: Puts[] = [];
  readonly done: Promise<void>;
  resolve: () => void = () => undefined;
  reject: (error: unknown) => void = () => undefined;

  constructor() {
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Whoever waits for it is told.
    this.done.catch(() => undefined);
  }
}

/** Lets a promise of lmdb fail, and the one with the reason that comes with it: unheard, they would end the process. */
export function hear(write: PromiseLike<unknown>): void {
  write.then(undefined, (error: unknown) => (error as CommitFailure).commitError?.catch(() => undefined));
}

/**
 * Gives lmdb one transaction at a time. What is written while one is under way is the next one, so a slow disk makes
 * larger transactions instead of more of them, and after a failed write nothing is handed to lmdb any more: its memory
 * is not to be trusted then.
 *
 * Writes must be encoded and checked before: a put that throws has left those before it in the transaction, and is
 * therefore the end of the store as a failed commit is.
 */
export class GroupCommit {
  /** Takes more writes until lmdb closes the transaction at the end of the turn, then is under way. */
  private current: Group | undefined;
  private isUnderWay = false;
  /** Whether lmdb was given anything for `current`: otherwise it has nothing to close. */
  private hasPuts = false;
  private next: Group | undefined;
  private lastWrite: Promise<unknown> = Promise.resolve();
  private failure: Error | undefined;

  /** All puts of `puts` are in one transaction. Resolves when it is on disk; at once when there is nothing to put. */
  write(puts: Puts): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(new NeverWritten(this.failure.message));
    if (this.isUnderWay) {
      this.next ??= new Group();
      this.next.puts.push(puts);
      return this.next.done;
    }
    const group = (this.current ??= new Group());
    this.run(group, [puts]);
    return group.done;
  }

  /** Takes the promise of a put. All those of one transaction are the same, or fail together. */
  note(write: Promise<unknown>): void {
    this.hasPuts = true;
    if (write === this.lastWrite) return;
    this.lastWrite = write;
    hear(write);
  }

  /** To be called when lmdb closes the transaction. */
  closed(): void {
    const group = this.current;
    if (group === undefined || this.isUnderWay) return;
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

  /** Resolves when all that was given so far is on disk, or has failed. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.current?.done, this.next?.done]);
  }

  private landed(group: Group): void {
    this.isUnderWay = false;
    this.hasPuts = false;
    this.current = this.next;
    this.next = undefined;
    group.resolve();
    if (this.current !== undefined) this.run(this.current, this.current.puts);
  }

  private run(group: Group, all: readonly Puts[]): void {
    try {
      for (const puts of all) puts();
    } catch (error) {
      this.fail(error);
      group.reject(error);
    }
    if (this.hasPuts) return;
    this.current = undefined;
    group.resolve();
  }

  /** Nothing is handed to lmdb any more. */
  fail(error: unknown): void {
    this.failure ??= error instanceof Error ? error : new Error(String(error));
    this.current?.reject(error);
    this.next?.reject(new NeverWritten(this.failure.message));
    this.next = undefined;
  }
}

/** Why a commit failed, as lmdb says after it has failed. */
export async function reasonOf(error: unknown): Promise<unknown> {
  const reason: unknown = await (error as CommitFailure).commitError?.catch((cause: unknown) => cause);
  return reason ?? error;
}
