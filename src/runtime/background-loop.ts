import { type Logger } from '@nestjs/common';
import { StoreUnavailable } from '../storage/task-store.js';
import type { Clock } from '../task/clock.js';

export interface LoopOptions {
  /** The clock of the sleeps; its steady scale. */
  readonly clock: Clock;
  /** Does the due work. Resolves with the milliseconds until the next pass; by default `longestMs`. */
  readonly pass: () => Promise<number | undefined>;
  /** The longest sleep in milliseconds, also after a failed pass. `Infinity`: until `wake`. */
  readonly longestMs: number;
  /** The log line of a failed pass, such as `A sweep failed`. A store outage is not logged. */
  readonly failure: string;
  readonly logger: Pick<Logger, 'error'>;
}

/** The longest delay of a Node timer, in milliseconds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Background work in passes, one at a time, with a sleep in between. A failed pass is logged and the loop continues
 * after `longestMs`, for any length of an outage.
 */
export class BackgroundLoop {
  private timer: NodeJS.Timeout | undefined;
  /** The start of the next pass, on the steady scale. */
  private wakesAt = Infinity;
  private isPassing = false;
  private state: 'new' | 'started' | 'stopped' = 'new';
  /** The current pass, or the last one. */
  private current: Promise<unknown> = Promise.resolve();
  /** The pass that starts after the current one. */
  private next: Promise<number | undefined> | undefined;

  constructor(private readonly options: LoopOptions) {}

  /** A long pass checks this and ends early. */
  get isStopped(): boolean {
    return this.state === 'stopped';
  }

  start(afterMs = 0): void {
    if (this.state !== 'new') return;
    this.state = 'started';
    this.wake(afterMs);
  }

  /** Starts the next pass within this time, or after the current pass. */
  wake(withinMs = 0): void {
    if (this.state !== 'started') return;
    const { now } = this;
    const at = now + Math.max(withinMs, 0);
    // A wake-up in the past is overdue: the clock was set.
    if (at >= this.wakesAt && this.wakesAt > now) return;
    this.wakesAt = Math.min(at, this.wakesAt);
    if (!this.isPassing) this.arm();
  }

  /** Requests a pass that starts after this call, and rejects if the pass does. Callers before its start share it. */
  run(): Promise<number | undefined> {
    this.next ??= this.current.then(() => {
      this.next = undefined;
      const pass = this.begin();
      this.current = pass.catch(() => undefined);
      return pass;
    });
    return this.next;
  }

  /** Resolves when no pass is running. None starts afterwards. */
  async stop(): Promise<void> {
    this.state = 'stopped';
    clearTimeout(this.timer);
    await this.next?.catch(() => undefined);
    await this.current;
  }

  private get now(): number {
    return this.options.clock.now().steady;
  }

  /** Turns a synchronous error of a pass into a rejection. */
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
