import { stopwatch } from './stopwatch.js';

/** Milliseconds of heavy work that one turn of the event loop starts. A running piece is not interrupted. */
const BUDGET_MS = 5;
/** Items of a bulk request per piece, about a millisecond. */
const ITEMS_PER_PIECE = 50;
/** Small items, such as the counts of a queue, per piece: a millisecond or two. */
const SMALL_ITEMS_PER_PIECE = 1_000;

/**
 * Shares the event loop between heavy requests and all others. Heavy work runs in pieces, in order of arrival. After 5
 * ms of it, other work gets its turn. Without this, a few clients with large bulk requests delay all others by several
 * hundred milliseconds.
 */
export class Turns {
  private readonly waiting: (() => void)[] = [];
  private isScheduled = false;

  /**
   * Runs a piece of at most a few milliseconds, now or in a later turn. The promise rejects with the error of the
   * piece.
   */
  do<T>(piece: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve) => {
      this.waiting.push(() => {
        // Runs synchronously; a thrown error becomes a rejection.
        resolve(
          new Promise<T>((settle) => {
            settle(piece());
          }),
        );
      });
      this.schedule();
    });
  }

  /** The same for a piece that handles these items; runs at once if they are few. */
  async about<T>(items: readonly unknown[], piece: () => T | Promise<T>): Promise<T> {
    return items.length <= ITEMS_PER_PIECE ? piece() : this.do(piece);
  }

  /** Maps the items of a bulk request in pieces; a few items run at once. */
  async map<T, R>(items: readonly T[], map: (item: T, index: number) => R): Promise<R[]> {
    if (items.length <= ITEMS_PER_PIECE) return items.map(map);
    const mapped: R[] = [];
    for (let from = 0; from < items.length; from += ITEMS_PER_PIECE) {
      await this.do(() => {
        for (const item of items.slice(from, from + ITEMS_PER_PIECE)) mapped.push(map(item, mapped.length));
      });
    }
    return mapped;
  }

  /** Calls `visit` with one part of many small items after the other; at once for one part. */
  async inPieces<T>(items: readonly T[], visit: (part: readonly T[]) => void): Promise<void> {
    if (items.length <= SMALL_ITEMS_PER_PIECE) {
      if (items.length > 0) visit(items);
      return;
    }
    for (let from = 0; from < items.length; from += SMALL_ITEMS_PER_PIECE) {
      await this.do(() => {
        visit(items.slice(from, from + SMALL_ITEMS_PER_PIECE));
      });
    }
  }

  /** The items as a JSON list without its brackets, in parts. `text` returns the JSON of an item; '' leaves it out. */
  async listed<T>(items: readonly T[], text: (item: T) => string): Promise<readonly Buffer[]> {
    const parts: Buffer[] = [];
    await this.inPieces(items, (part) => {
      const texts = part.map(text).filter((each) => each !== '');
      if (texts.length > 0) parts.push(Buffer.from(`${parts.length === 0 ? '' : ','}${texts.join(',')}`));
    });
    return parts;
  }

  /** Sorts many names as `toSorted` does. */
  async sorted(names: readonly string[]): Promise<readonly string[]> {
    let runs: (readonly string[])[] = [];
    await this.inPieces(names, (part) => runs.push(part.toSorted()));
    while (runs.length > 1) {
      const merged: (readonly string[])[] = [];
      for (let at = 0; at < runs.length; at += 2)
        merged.push(await this.merged(runs[at] ?? [], runs[at + 1] ?? []));
      runs = merged;
    }
    return runs[0] ?? [];
  }

  private async merged(one: readonly string[], other: readonly string[]): Promise<readonly string[]> {
    const all: string[] = [];
    let at = 0;
    // The names of the other run that come before each part.
    await this.inPieces(one, (part) => {
      for (const name of part) {
        for (let next = other[at]; next !== undefined && next < name; next = other[at]) {
          all.push(next);
          at += 1;
        }
        all.push(name);
      }
    });
    await this.inPieces(other.slice(at), (part) => all.push(...part));
    return all;
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.run();
    });
  }

  private run(): void {
    this.isScheduled = false;
    const end = stopwatch() + BUDGET_MS;
    do this.waiting.shift()?.();
    while (this.waiting.length > 0 && stopwatch() < end);
    if (this.waiting.length > 0) this.schedule();
  }
}

/** One instance per process, as a process has one event loop. */
export const turns = new Turns();
