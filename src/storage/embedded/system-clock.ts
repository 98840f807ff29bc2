import { Clock, type Moment } from '../../task/clock.js';

/**
 * The machine's clock. `steady` starts at the calendar time and follows the monotonic clock from there, so setting
 * the calendar moves `wall` alone.
 */
export class SystemClock extends Clock {
  private readonly origin = Date.now() - performance.now();

  now(): Moment {
    return { wall: Date.now(), steady: Math.floor(this.origin + performance.now()) };
  }
}
