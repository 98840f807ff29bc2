import { type Logger } from '@nestjs/common';
import { StoreUnavailable } from '../storage/task-store.js';
import type { Clock } from '../task/clock.js';

export interface LoopOptions {
  /** The clock that the loop sleeps by: its steady scale. */
  readonly clock: Clock;
  /** Does what is due. Resolves with the milliseconds until there is more to do; by default `longestMs`. */
  readonly pass: () => Promise<number | undefined>;
  /** The loop sleeps no longer; also its rest after a pass that failed. `Infinity`: until it is woken. */
  readonly longestMs: number;
  /** What the log says of a pass that failed, such as `A sweep failed`. A store outage is not logged. */
  readonly failure: string;
  readonly logger: Pick<Logger, 'error'>;
}

/** What Node can wait for at most. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Work that is done in the background, again and again: one pass at a time, then a sleep. A pass that fails is logged and
 * the loop goes on; it never fails faster than `longestMs` allows, however long the outage lasts.
 */
export class BackgroundLoop {
  private timer: NodeJS.Timeout | undefined;
  /** When the next pass begins, on the steady scale. */
  private wakesAt = Infinity;
  private isPassing = false;
  private state: 'new' | 'started' | 'stopped' = 'new';
  /** The pass that is under way, or the last one. */
  private current: Promise<unknown> = Promise.resolve();
  /** The pass that begins when the current one has ended. */
  private next: Promise<number | undefined> | undefined;

  constructor(private readonly options: LoopOptions) {}

  /** A pass that takes long looks here, and ends early. */
  get isStopped(): boolean {
    return this.state === 'stopped';
  }

  start(afterMs = 0): void {
    if (this.state !== 'new') return;
    this.state = 'started';
    this.wake(afterMs);
  }

  /** Has the next pass begin within this time. During a pass: after it. */
  wake(withinMs = 0): void {
    if (this.state !== 'started') return;
    const { now } = this;
    const at = now + Math.max(withinMs, 0);
    // A wake-up that lies in the past is overdue: somebody has set the clock.
    if (at >= this.wakesAt && this.wakesAt > now) return;
    this.wakesAt = Math.min(at, this.wakesAt);
    if (!this.isPassing) this.arm();
  }

  /** Makes a pass that begins from here on, and rejects as the pass does. Callers that come before it begins share it. */
  run(): Promise<number | undefined> {
    this.next ??= this.current.then(() => {
      this.next = undefined;
      const pass = this.begin();
      this.current = pass.catch(() => undefined);
      return pass;
    });
    return this.next;
  }

  /** Resolves when no pass is under way. None follows. */
  async stop(): Promise<void> {
    this.state = 'stopped';
    clearTimeout(this.timer);
    await this.next?.catch(() => undefined);
    await this.current;
  }

  private get now(): number {
    return this.options.clock.now().steady;
  }

  /** What a pass throws at once is a rejection, too. */
  private async begin(): Promise<number | undefined> {
    return this.options.pass();
  }

  private arm(): void {
    clearTimeout(this.timer);
    if (this.wakesAt === Infinity) return;
    const wait = Math.min(Math.max(this.wakesAt - this.now, 0), LONGEST_TIMER_MS);
    this.timer = setTimeout(() => void this.turn(), wait);
    this.timer.unref();
  }

  /** Never rejects. */
  private async turn(): Promise<void> {
    const { longestMs, failure, logger } = this.options;
    this.isPassing = true;
    this.wakesAt = Infinity;
    let wait: number | undefined;
    try {
      wait = await this.run();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) logger.error(failure, (error as Error).stack);
    }
    this.isPassing = false;
    if (this.state !== 'started') return;
    this.wakesAt = Math.min(this.wakesAt, this.now + Math.min(wait ?? longestMs, longestMs));
    this.arm();
  }
}
