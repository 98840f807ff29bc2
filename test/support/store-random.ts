/** Numbers that look random and are the same in every run: a small generator with one word of state. */
export class SeededRandom {
  constructor(private word: number) {}

  /** From 0 up to, not including, 1. */
  next(): number {
    this.word = (this.word + 0x9e3779b9) | 0;
    let mixed = this.word ^ (this.word >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 up to, not including, `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)];
  }
}
