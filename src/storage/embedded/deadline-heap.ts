import type { Instant } from '../../task/clock.js';

const FIRST_CAPACITY = 64;

export interface Deadline {
  readonly at: Instant;
  readonly key: number;
}

/** The entries of a heap, in its own order. */
export interface HeapDump {
  readonly times: Float64Array;
  readonly keys: Float64Array;
}

/**
 * Deadlines, earliest first, then smallest key: a binary heap in two typed arrays, 16 bytes per entry. Entries in its
 * middle are never removed, so callers check that a popped entry is still valid.
 */
export class DeadlineHeap {
  private times: Float64Array = new Float64Array(FIRST_CAPACITY);
  private keys: Float64Array = new Float64Array(FIRST_CAPACITY);
  private count = 0;

  /** A heap with the entries that `dump` returned. */
  static of({ times, keys }: HeapDump): DeadlineHeap {
    const heap = new DeadlineHeap();
    if (times.length === 0) return heap;
    heap.times = times;
    heap.keys = keys;
    heap.count = times.length;
    return heap;
  }

  /** A heap with these entries, in any order. Takes over the arrays. */
  static from(entries: HeapDump): DeadlineHeap {
    const heap = DeadlineHeap.of(entries);
    for (let index = (heap.count >> 1) - 1; index >= 0; index -= 1)
      heap.sink({ at: heap.time(index), key: heap.key(index) }, index);
    return heap;
  }

  get size(): number {
    return this.count;
  }

  dump(): HeapDump {
    return { times: this.times.slice(0, this.count), keys: this.keys.slice(0, this.count) };
  }

  /** When the earliest is due; `Infinity` when there is none. */
  get next(): Instant {
    return this.count === 0 ? Infinity : this.time(0);
  }

  get top(): Deadline | undefined {
    return this.count === 0 ? undefined : { at: this.time(0), key: this.key(0) };
  }

  push(at: Instant, key: number): void {
    if (this.count === this.times.length) this.resize(this.count * 2);
    let hole = this.count;
    this.count += 1;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!this.isBefore({ at, key }, parent)) break;
      this.move(parent, hole);
      hole = parent;
    }
    this.put(hole, at, key);
  }

  pop(): Deadline | undefined {
    const { top } = this;
    if (top === undefined) return undefined;
    this.count -= 1;
    this.sink({ at: this.time(this.count), key: this.key(this.count) });
    this.shrink();
    return top;
  }

  /** Removes an entry that is among the latest; the others keep their places. */
  takeLast(): Deadline | undefined {
    if (this.count === 0) return undefined;
    this.count -= 1;
    const last = { at: this.time(this.count), key: this.key(this.count) };
    this.shrink();
    return last;
  }

  /** Places an entry at this index or below. */
  private sink(entry: Deadline, from = 0): void {
    let hole = from;
    for (;;) {
      let child = hole * 2 + 1;
      if (child >= this.count) break;
      const right = { at: this.time(child + 1), key: this.key(child + 1) };
      if (child + 1 < this.count && this.isBefore(right, child)) child += 1;
      if (this.isBefore(entry, child)) break;
      this.move(child, hole);
      hole = child;
    }
    this.put(hole, entry.at, entry.key);
  }

  private isBefore({ at, key }: Deadline, index: number): boolean {
    const other = this.time(index);
    return at < other || (at === other && key < this.key(index));
  }

  private time(index: number): Instant {
    return this.times[index] ?? Infinity;
  }

  private key(index: number): number {
    return this.keys[index] ?? 0;
  }

  private put(index: number, at: Instant, key: number): void {
    this.times[index] = at;
    this.keys[index] = key;
  }

  private move(from: number, to: number): void {
    this.put(to, this.time(from), this.key(from));
  }

  private shrink(): void {
    if (this.count * 4 < this.times.length && this.times.length > FIRST_CAPACITY)
      this.resize(this.times.length / 2);
  }

  private resize(capacity: number): void {
    const times = new Float64Array(capacity);
    const keys = new Float64Array(capacity);
    times.set(this.times.subarray(0, this.count));
    keys.set(this.keys.subarray(0, this.count));
    this.times = times;
    this.keys = keys;
  }
}
