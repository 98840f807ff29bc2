import { Clock, type Moment } from '../../task/clock.js';

/**
 * The machine's clock. `steady` starts at the calendar time and then follows the monotonic clock, so setting the
 * calendar changes only `wall`.
 */
export class SystemClock extends Clock {
  private readonly origin = Date.now() - performance.now();

  now(): Moment {
    return { wall: Date.now(), steady: Math.floor(this.origin + performance.now()) };
  }
}
