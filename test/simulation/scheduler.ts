import { SeededRandom } from '../support/store-random.js';
import { FakeClock } from '../support/task.builders.js';

/** Milliseconds since the simulation began. */
export type Ms = number;

/** Something that will happen. */
export interface Happening {
  readonly at: Ms;
  /** Of two things at one instant the smaller comes first. */
  readonly rank: number;
  readonly label: string;
  readonly act: () => void;
}

/** Time as clients know it. */
export interface Timeline {
  readonly now: Ms;
  /** Has something happen after this time. */
  after(ms: Ms, label: string, act: () => void): Happening;
  /** A stream of chance for each label. */
  random(label: string): SeededRandom;
}

/** How slow everything is. Each gives milliseconds, drawn anew for each call. */
export interface Weather {
  readonly name: string;
  /** Until a call reaches the store; `undefined`: within the call, as in the embedded store. */
  readonly begin: ((random: SeededRandom) => Ms) | undefined;
  /** From the store's decision to its answer, and until a commit is durable. */
  readonly answer: (random: SeededRandom) => Ms;
  /** How late a timer is. */
  readonly timer: (random: SeededRandom) => Ms;
}

const nothing = () => 0;
const sometimes = (random: SeededRandom, most: Ms) => (random.below(3) === 0 ? random.below(most) : 0);

export const WEATHERS: readonly Weather[] = [
  { name: 'calm', begin: undefined, answer: nothing, timer: nothing },
  {
    name: 'breezy',
    begin: nothing,
    answer: (random) => random.below(4),
    timer: (random) => sometimes(random, 5),
  },
  {
    name: 'windy',
    begin: (random) => random.below(3),
    answer: (random) => sometimes(random, 40),
    timer: (random) => random.below(3),
  },
  {
    name: 'stormy',
    begin: (random) => sometimes(random, 100),
    answer: (random) => random.below(150),
    timer: (random) => sometimes(random, 60),
  },
];

/**
 * Owns the time. Whatever happens in a simulation is put here with its instant; things at one instant are ordered by
 * chance, which a seed decides. Between two of them everything that JavaScript has left to do is done.
 */
export class Scheduler implements Timeline {
  readonly clock = new FakeClock();
  now: Ms = 0;
  /** How many things have happened. */
  steps = 0;
  private readonly pending: Happening[] = [];
  private readonly streams = new Map<string, SeededRandom>();

  constructor(
    private readonly seed: number,
    readonly weather: Weather,
  ) {}

  /** Has something happen after this time. */
  after(ms: Ms, label: string, act: () => void): Happening {
    const happening = { at: this.now + ms, rank: this.random(label).next(), label, act };
    this.pending.push(happening);
    return happening;
  }

  cancel(happening: Happening): void {
    const index = this.pending.indexOf(happening);
    if (index !== -1) this.remove(index);
  }

  /** Lets the next thing happen; false when there is none by then. */
  step(until: Ms): boolean {
    let first = -1;
    for (let index = 0; index < this.pending.length; index += 1) {
      if (first === -1 || isBefore(this.pending[index], this.pending[first])) first = index;
    }
    const next = this.pending[first];
    if (next === undefined || next.at > until) return false;
    this.remove(first);
    this.moveTo(next.at);
    this.steps += 1;
    next.act();
    return true;
  }

  /** Lets the time pass in which nothing happens. */
  moveTo(at: Ms): void {
    if (at <= this.now) return;
    this.clock.advance(at - this.now);
    this.now = at;
  }

  /** A stream of chance for each label, so that it depends little on what else happens. */
  random(label: string): SeededRandom {
    const known = this.streams.get(label);
    if (known !== undefined) return known;
    const stream = new SeededRandom(hash(`${this.seed} ${label}`));
    this.streams.set(label, stream);
    return stream;
  }

  private remove(index: number): void {
    const last = this.pending.pop();
    if (last !== undefined && index < this.pending.length) this.pending[index] = last;
  }
}

function isBefore(one: Happening | undefined, other: Happening | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  return one.at < other.at || (one.at === other.at && one.rank < other.rank);
}

/** FNV-1a. */
export function hash(text: string): number {
  let word = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    word = Math.imul(word ^ text.charCodeAt(index), 0x01000193);
  }
  return word | 0;
}
