/** First in, first out, of a fixed size: what arrives when it is full pushes the oldest out. */
export class BoundedBuffer<T extends object> {
  private readonly slots: (T | undefined)[] = [];
  private oldest = 0;
  private count = 0;

  constructor(private readonly capacity: number) {}

  get size(): number {
    return this.count;
  }

  /** Whether the oldest item had to go to make room. */
  push(item: T): boolean {
    this.slots[(this.oldest + this.count) % this.capacity] = item;
    if (this.count < this.capacity) {
      this.count += 1;
      return false;
    }
    this.oldest = (this.oldest + 1) % this.capacity;
    return true;
  }

  /** Takes the oldest. */
  shift(): T | undefined {
    if (this.count === 0) return undefined;
    const item = this.slots[this.oldest];
    // An item that was taken must not live on in its slot.
    this.slots[this.oldest] = undefined;
    this.oldest = (this.oldest + 1) % this.capacity;
    this.count -= 1;
    return item;
  }

  /** Lets go of everything; returns how many there were. */
  clear(): number {
    const dropped = this.count;
    this.slots.length = 0;
    this.oldest = 0;
    this.count = 0;
    return dropped;
  }
}
