import { Clock, type Moment } from '../../../task/clock.js';

/** How often the clock of Redis is read. */
const READ_EVERY_MS = 1_000;

/** A clock that goes back by more was set. */
const STEP_MS = 1_000;

/** Answers the clock of Redis in milliseconds. */
type ReadTime = () => Promise<number>;

/**
 * The clock of Redis, so that all replicas agree whatever their own clocks say. It is read every second; in between it
 * goes on by this process's monotonic clock. Both scales are the same: Redis has no clock that never jumps.
 */
export class RedisClock extends Clock {
  /** What to add to the monotonic clock. */
  private offset: number | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;
  private onStepBack: () => void = () => undefined;

  /** @param monotonic the clock of this process, in milliseconds */
  constructor(
    private readonly readTime: ReadTime,
    private readonly monotonic: () => number = () => performance.now(),
  ) {
    super();
  }

  /** Calls `listener` when the clock has gone back by more than a second: what it said before was ahead. */
  whenStepsBack(listener: () => void): void {
    this.onStepBack = listener;
  }

  now(): Moment {
    if (this.offset === undefined) throw new Error('The clock of Redis was not read yet');
    const now = Math.floor(this.monotonic() + this.offset);
    return { wall: now, steady: now };
  }

  /** Rejects when Redis cannot be asked now; later failures are passed over until it can. */
  async start(): Promise<void> {
    await this.read();
    this.schedule();
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private schedule(): void {
    if (this.isStopped) return;
    this.timer = setTimeout(() => {
      void this.read()
        .catch(() => undefined)
        .then(() => {
          this.schedule();
        });
    }, READ_EVERY_MS);
    this.timer.unref();
  }

  /**
   * Reads it once. Rejects when Redis cannot be asked.
   *
   * The answer was made somewhere between the question and its arrival. As long as what is known fits into that, it
   * stays: an answer that took a second, since Redis or the network stood still, knows less than the one before it.
   */
  async read(): Promise<void> {
    const asked = this.monotonic();
    const time = await this.readTime();
    const answered = this.monotonic();
    const known = this.offset ?? time - (asked + answered) / 2;
    this.offset = Math.min(Math.max(known, time - answered), time - asked);
    if (known - this.offset > STEP_MS) this.onStepBack();
  }
}
