import { Logger } from '@nestjs/common';
import type { Clock, Instant } from '../task/clock.js';

const WINDOW_MS = 60_000;
const LINES_PER_WINDOW = 20;

/** Logs refused callers, with a bounded number of lines a minute. */
export class FailureLog {
  private readonly logger = new Logger('Auth');
  private windowEndsAt: Instant = -Infinity;
  private lines = 0;
  private left = 0;

  constructor(private readonly clock: Clock) {}

  /** The line must not contain a key or other text from the caller. */
  write(line: string): void {
    const now = this.clock.now().steady;
    if (now >= this.windowEndsAt) this.begin(now);
    if (this.lines >= LINES_PER_WINDOW) {
      this.left += 1;
      return;
    }
    this.lines += 1;
    this.logger.warn(line);
  }

  private begin(now: Instant): void {
    if (this.left > 0) this.logger.warn(`${this.left} more refusals were not logged`);
    this.windowEndsAt = now + WINDOW_MS;
    this.lines = 0;
    this.left = 0;
  }
}
