import type { Instant } from '../../task/clock.js';
import type { TaskNumber } from './task-number.js';

const REMEMBERED = 50_000;

/** Times when tasks were accepted, read from their records. They never change, so recent reads are cached. */
export class BirthTimes {
  private readonly known = new Map<TaskNumber, Instant>();

  constructor(private readonly read: (number: TaskNumber) => Instant | undefined) {}

  /** 0 for a number without a task. */
  readonly of = (number: TaskNumber): Instant => {
    const known = this.known.get(number);
    if (known !== undefined) return known;
    const found = this.read(number);
    if (found === undefined) return 0;
    if (this.known.size >= REMEMBERED) this.known.clear();
    this.known.set(number, found);
    return found;
  };
}
