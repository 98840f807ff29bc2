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

/** Tasks that one transaction begins with when more wait: putting them takes some ten milliseconds. */
const HEAVY_WEIGHT = 1_000;
/** From here on, the puts of a transaction have a turn of the event loop to themselves. */
const OWN_TURN_WEIGHT = 200;

/** What becomes durable together. */
class Group {
  readonly puts: Puts[] = [];
  /** How many tasks that is, about. */
  weight = 0;
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
 * A transaction that has 1,000 tasks takes no more of those that wait, and its puts are made in a turn of their own: many
 * bulk calls at once do not keep everybody else waiting.
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
  /** What waits, in the order of the transactions. */
  private readonly next: Group[] = [];
  /** The puts of `current` are made in a later turn. */
  private isDeferred = false;
  private lastWrite: Promise<unknown> = Promise.resolve();
  private failure: Error | undefined;

  /**
   * All puts of `puts` are in one transaction. Resolves when it is on disk; at once when there is nothing to put.
   *
   * @param weight about how many tasks are put
   */
  write(puts: Puts, weight = 1): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(new NeverWritten(this.failure.message));
    const isHeavy = weight >= OWN_TURN_WEIGHT;
    // Writes keep their order: events are numbered when they are written.
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

  /** Resolves when all that was given so far is on disk, or has failed. */
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

  /** Nothing is handed to lmdb any more. */
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

/** Why a commit failed, as lmdb says after it has failed. */
export async function reasonOf(error: unknown): Promise<unknown> {
  const reason: unknown = await (error as CommitFailure).commitError?.catch((cause: unknown) => cause);
  return reason ?? error;
}
