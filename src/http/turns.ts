import { stopwatch } from './stopwatch.js';

/** How much heavy work one turn of the event loop begins. A piece that was begun is not cut. */
const BUDGET_MS = 5;
/** Items of a bulk request in one piece: about a millisecond. */
const ITEMS_PER_PIECE = 50;

/**
 * Shares the event loop between heavy requests and all others. Heavy work is done in pieces, in the order they come; when
 * those of one turn have taken 5 ms, everything else has its turn before the next one. Without it 16 clients that sent
 * batches of 1,000 tasks had everybody else wait for several hundred milliseconds.
 */
export class Turns {
  private readonly waiting: (() => void)[] = [];
  private isScheduled = false;

  /** Does a piece of at most a few milliseconds, now or in a later turn. What it throws is what the promise rejects with. */
  do<T>(piece: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve) => {
      this.waiting.push(() => {
        // It runs at once, and what it throws becomes a rejection.
        resolve(
          new Promise<T>((settle) => {
            settle(piece());
          }),
        );
      });
      this.schedule();
    });
  }

  /** The same for a piece about so many items: at once when they are few. */
  async about<T>(items: readonly unknown[], piece: () => T | Promise<T>): Promise<T> {
    return items.length <= ITEMS_PER_PIECE ? piece() : this.do(piece);
  }

  /** Maps the items of a bulk request, a piece of them at a time; a few at once. */
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

/** Of this process, which has one event loop. */
export const turns = new Turns();
