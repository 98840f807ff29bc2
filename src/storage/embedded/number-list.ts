const FIRST_CAPACITY = 8;

/** A growing list of numbers outside the JavaScript heap, 8 to 16 bytes each. */
export class NumberList {
  private numbers: Float64Array = new Float64Array(FIRST_CAPACITY);
  private count = 0;
  private last = -Infinity;
  private isAscending = true;

  get size(): number {
    return this.count;
  }

  add(number: number): void {
    if (this.count === this.numbers.length) {
      const numbers = new Float64Array(this.count * 2);
      numbers.set(this.numbers);
      this.numbers = numbers;
    }
    this.numbers[this.count] = number;
    this.count += 1;
    if (number < this.last) this.isAscending = false;
    this.last = number;
  }

  /** The numbers in ascending order. Valid until the next `add`. */
  sorted(): Float64Array {
    return this.isAscending ? this.view() : this.view().toSorted();
  }

  /** The numbers as they came. Valid until the next `add`. */
  view(): Float64Array {
    return this.numbers.subarray(0, this.count);
  }
}

/** The numbers of ascending lists in one, ascending. */
export function merged(lists: readonly Float64Array[]): Float64Array {
  const [only] = lists;
  if (only !== undefined && lists.length === 1) return only;
  const all = new Float64Array(lists.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const numbers of lists) {
    all.set(numbers, at);
    at += numbers.length;
  }
  return all.sort();
}
