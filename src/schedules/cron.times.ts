import { Cron } from 'croner';
import type { Instant } from '../task/clock.js';

/** Five fields, or six with seconds in front, or a name such as `@daily`. */
export const CRON =
  /^(?:@(?:yearly|annually|monthly|weekly|daily|hourly)|[0-9A-Za-z*,/#+-]{1,60}(?: [0-9A-Za-z*,/#+-]{1,60}){4,5})$/;
export const TIME_ZONE = /^[A-Za-z0-9_+/-]{1,64}$/;

const FEW = 12;

/**
 * The due times of a cron expression in a time zone. Around a change of the clocks a fixed time that does not exist is
 * due when the clocks have changed, and one that exists twice is due the first time.
 */
export class CronTimes {
  private constructor(private readonly cron: Cron) {}

  /** @throws Error that says in one sentence what is wrong with the expression */
  static of(expression: string, timezone: string): CronTimes {
    return new CronTimes(new Cron(expression, { timezone, mode: '5-or-6-parts' }));
  }

  /** The first due time after this; `undefined` when there is none. */
  after(instant: Instant): Instant | undefined {
    return this.cron.nextRun(new Date(instant))?.getTime();
  }

  /** Up to `count` due times after this, the earliest first. */
  next(count: number, instant: Instant): Instant[] {
    return this.cron.nextRuns(count, new Date(instant)).map((date) => date.getTime());
  }

  /** The latest `count` due times that are after `since` and not after `until`, the earliest first. */
  between(since: Instant, until: Instant, count: number): Instant[] {
    // Due times are whole seconds, and the library looks for earlier ones than it is given.
    const bound = new Date((Math.floor(until / 1000) + 1) * 1000);
    // Nearly always there are few: a thousand take 60 ms to find.
    for (let size = Math.min(FEW, count); ; size = Math.min(size * 8, count)) {
      const found = this.cron.previousRuns(size, bound).map((date) => date.getTime());
      const wanted = found.filter((time) => time > since);
      if (wanted.length < size || size === count) return wanted.toReversed();
    }
  }
}

export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
