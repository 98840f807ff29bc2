/** A FIFO queue of fixed size; when it is full, a new item evicts the oldest. */
export class BoundedBuffer<T extends object> {
  private readonly slots: (T | undefined)[] = [];
  private oldest = 0;
  private count = 0;

  constructor(private readonly capacity: number) {}

  get size(): number {
    return this.count;
  }

  /** Returns whether the oldest item was evicted. */
  push(item: T): boolean {
    this.slots[(this.oldest + this.count) % this.capacity] = item;
    if (this.count < this.capacity) {
      this.count += 1;
      return false;
    }
    this.oldest = (this.oldest + 1) % this.capacity;
    return true;
  }

  /** Removes and returns the oldest item. */
  shift(): T | undefined {
    if (this.count === 0) return undefined;
    const item = this.slots[this.oldest];
    // A removed item must not stay reachable through its slot.
    this.slots[this.oldest] = undefined;
    this.oldest = (this.oldest + 1) % this.capacity;
    this.count -= 1;
    return item;
  }

  /** Removes all items; returns their number. */
  clear(): number {
    const dropped = this.count;
    this.slots.length = 0;
    this.oldest = 0;
    this.count = 0;
    return dropped;
  }
}
