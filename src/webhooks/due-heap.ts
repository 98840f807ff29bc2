import type { Instant } from '../task/clock.js';

interface Timed {
  readonly nextAt: Instant;
}

/** A binary heap of timed items, earliest first. */
export class DueHeap<T extends Timed> {
  private readonly entries: T[] = [];

  push(entry: T): void {
    let hole = this.entries.push(entry) - 1;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = this.entries[parent];
      if (above === undefined || above.nextAt <= entry.nextAt) break;
      this.entries[hole] = above;
      hole = parent;
    }
    this.entries[hole] = entry;
  }

  /** Removes and returns the earliest item if it is due. */
  popDue(now: Instant): T | undefined {
    const top = this.entries[0];
    if (top === undefined || top.nextAt > now) return undefined;
    const last = this.entries.pop();
    if (last !== undefined && last !== top) this.sink(last);
    return top;
  }

  clear(): void {
    this.entries.length = 0;
  }

  private sink(entry: T): void {
    let hole = 0;
    for (;;) {
      const left = hole * 2 + 1;
      const isRight = this.timeOf(left + 1) < this.timeOf(left);
      const child = isRight ? left + 1 : left;
      const below = this.entries[child];
      if (below === undefined || below.nextAt >= entry.nextAt) break;
      this.entries[hole] = below;
      hole = child;
    }
    this.entries[hole] = entry;
  }

  private timeOf(index: number): Instant {
    return this.entries[index]?.nextAt ?? Infinity;
  }
}
