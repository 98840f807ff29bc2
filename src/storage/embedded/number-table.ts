const FIRST_CAPACITY = 64;

/**
 * Small integers by task number, in typed arrays: 24 to 48 bytes per entry, where a `Map` takes twice as much of the
 * JavaScript heap. Task numbers are dense, so their lowest bits spread them well.
 */
export class NumberTable {
  private numbers = new Float64Array(FIRST_CAPACITY).fill(NaN);
  private values = new Uint32Array(FIRST_CAPACITY);
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(number: number): number | undefined {
    const slot = this.slotOf(number);
    return this.numbers[slot] === number ? this.values[slot] : undefined;
  }

  set(number: number, value: number): void {
    if (this.count * 2 >= this.numbers.length) this.grow();
    const slot = this.slotOf(number);
    if (this.numbers[slot] !== number) this.count += 1;
    this.numbers[slot] = number;
    this.values[slot] = value;
  }

  /** The slot with this number, or the empty one for it. */
  private slotOf(number: number): number {
    const mask = this.numbers.length - 1;
    let slot = (number % this.numbers.length) & mask;
    while (!Number.isNaN(this.numbers[slot] ?? NaN) && this.numbers[slot] !== number)
      slot = (slot + 1) & mask;
    return slot;
  }

  private grow(): void {
    const { numbers, values } = this;
    this.numbers = new Float64Array(numbers.length * 2).fill(NaN);
    this.values = new Uint32Array(numbers.length * 2);
    this.count = 0;
    for (const [slot, number] of numbers.entries())
      if (!Number.isNaN(number)) this.set(number, values[slot] ?? 0);
  }
}
