import { promiseHooks } from 'node:v8';
import type { Ms, Scheduler } from './scheduler.js';

/** Calls of the store at one instant. A request about a thousand tasks makes a few for each of them. */
const CALLS_AT_ONCE = 6_000;
/** Calls of the store within a second, also those that come one after the other. */
const CALLS_PER_SECOND = 9_000;
/** Promises made between two things that happen. */
const PROMISES_PER_TURN = 400_000;

/** Counts the work that is done for one thing that happens. Whoever is over it is stopped: nothing hangs. */
export class Budget {
  private instant: Ms = -1;
  private atInstant = 0;
  private second = -1;
  private inSecond = 0;
  private promises = 0;
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

  close(): void {
    this.stopCounting();
  }

  /** Begins to count anew: something else happens. */
  nextTurn(): void {
    if (this.promises > PROMISES_PER_TURN) this.refuse(`${this.promises} promises were made in one turn`);
    this.promises = 0;
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
