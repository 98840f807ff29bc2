import { Clock, type Moment } from '../../../task/clock.js';

/** Milliseconds between two reads of the clock of Redis. */
const READ_EVERY_MS = 1_000;

/** A clock that goes back by more milliseconds than this was set. */
const STEP_MS = 1_000;

/** Reads the clock of Redis, in milliseconds. */
type ReadTime = () => Promise<number>;

/**
 * The clock of Redis, so that all replicas agree although their own clocks differ. It is read every second and follows
 * the monotonic clock of this process in between. Both scales are the same, because Redis has no clock that never
 * jumps.
 */
export class RedisClock extends Clock {
  /** The difference to the monotonic clock. */
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

  /** Calls `listener` when the clock has gone back by more than a second, so earlier times were ahead. */
  whenStepsBack(listener: () => void): void {
    this.onStepBack = listener;
  }

  now(): Moment {
    if (this.offset === undefined) throw new Error('The clock of Redis was not read yet');
    const now = Math.floor(this.monotonic() + this.offset);
    return { wall: now, steady: now };
  }

  /** Rejects when Redis is unavailable now. Later failures are ignored until it is available. */
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
   * Reads the clock once. Rejects when Redis is unavailable.
   *
   * The answer was made between the question and its arrival. The known difference stays as long as it fits into that
   * time: a slow answer is less exact than an earlier fast one.
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
