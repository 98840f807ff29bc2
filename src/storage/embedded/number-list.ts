const FIRST_CAPACITY = 8;

/** A growing list of numbers outside the JavaScript heap, 8 to 16 bytes each. */
export class NumberList {
  private numbers: Float64Array = new Float64Array(FIRST_CAPACITY);
  private count = 0;

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
  }

  /** Valid until the next `add`. */
  view(): Float64Array {
    return this.numbers.subarray(0, this.count);
  }
}

/** The numbers of several lists in one, ascending. */
export function merged(lists: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(lists.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const numbers of lists) {
    all.set(numbers, at);
    at += numbers.length;
  }
  return isAscending(all) ? all : all.sort();
}

function isAscending(numbers: Float64Array): boolean {
  for (let index = 1; index < numbers.length; index += 1) {
    if ((numbers[index - 1] ?? 0) > (numbers[index] ?? 0)) return false;
  }
  return true;
}
