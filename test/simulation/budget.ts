import { promiseHooks } from 'node:v8';
import { RankedSet } from '../../src/storage/embedded/ranked-set.js';
import type { Ms, Scheduler } from './scheduler.js';

/** Calls of the store at one instant. A request about a thousand tasks makes a few for each of them. */
const CALLS_AT_ONCE = 12_000;
/** Calls of the store within a second, also those that come one after the other. */
const CALLS_PER_SECOND = 18_000;
/** Promises made between two things that happen. */
const PROMISES_PER_TURN = 400_000;

/** Looks at an index of the embedded store between two things that happen. */
const LOOKUPS_PER_TURN = 200_000;

/** Counts the work that is done for one thing that happens. Whoever is over it is stopped: nothing hangs. */
export class Budget {
  private instant: Ms = -1;
  private atInstant = 0;
  private second = -1;
  private inSecond = 0;
  private promises = 0;
  private lookUps = 0;
  private readonly names = new Map<string, number>();
  private stopCounting: () => void = () => undefined;
  /** What was over the budget first: work without end, or more of it than anything that happened explains. */
  overrun: string | undefined;

  constructor(private readonly scheduler: Scheduler) {}

  /** Counts promises until `close`. It costs next to nothing. */
  open(): void {
    const count = promiseHooks.onInit(() => {
      this.promises += 1;
    }) as () => void;
    this.stopCounting = count;
  }

  /** Counts how often indices are looked at, until it is undone by what is returned. */
  countLookUps(): () => void {
    const prototype = RankedSet.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
    const names = ['below', 'first', 'add', 'delete', 'rank', 'has'].filter((name) => name in prototype);
    const real = names.map((name) => [name, prototype[name]] as const);
    for (const [name, method] of real) {
      const count = () => {
        this.lookUps += 1;
      };
      prototype[name] = function counted(this: unknown, ...args: unknown[]) {
        count();
        return method?.apply(this, args);
      };
    }
    return () => Object.assign(prototype, Object.fromEntries(real));
  }

  close(): void {
    this.stopCounting();
  }

  /** Begins to count anew: something else happens. */
  nextTurn(): void {
    if (this.promises > PROMISES_PER_TURN) this.refuse(`${this.promises} promises were made in one turn`);
    if (this.lookUps > LOOKUPS_PER_TURN)
      this.refuse(`indices were looked at ${this.lookUps} times in one turn`);
    this.promises = 0;
    this.lookUps = 0;
  }

  /** Whether the store may be called once more. */
  spend(name: string, size: number): boolean {
    const { now } = this.scheduler;
    if (now !== this.instant) {
      this.instant = now;
      this.atInstant = 0;
      this.names.clear();
    }
    if (Math.floor(now / 1000) !== this.second) {
      this.second = Math.floor(now / 1000);
      this.inSecond = 0;
    }
    const cost = 1 + size / 100;
    this.atInstant += cost;
    this.inSecond += cost;
    this.names.set(name, (this.names.get(name) ?? 0) + 1);
    if (this.promises > PROMISES_PER_TURN) this.refuse(`${this.promises} promises were made in one turn`);
    if (this.atInstant > CALLS_AT_ONCE) this.refuse(`the store was called without end: ${this.most()}`);
    if (this.inSecond > CALLS_PER_SECOND)
      this.refuse(`the store was called ${Math.round(this.inSecond)} times in a second: ${this.most()}`);
    return this.overrun === undefined;
  }

  private refuse(text: string): void {
    this.overrun ??= text;
  }

  private most(): string {
    const sorted = [...this.names].sort(([, one], [, other]) => other - one);
    return sorted
      .slice(0, 3)
      .map(([name, count]) => `${count} × ${name}`)
      .join(', ');
  }
}
