import { Cron } from 'croner';
import type { Instant } from '../task/clock.js';

/** Five fields, or six with seconds first, or a name such as `@daily`. */
export const CRON =
  /^(?:@(?:yearly|annually|monthly|weekly|daily|hourly)|[0-9A-Za-z*,/#+-]{1,60}(?: [0-9A-Za-z*,/#+-]{1,60}){4,5})$/;
export const TIME_ZONE = /^[A-Za-z0-9_+/-]{1,64}$/;

/** Zones without changes: the library computes with an offset about seven times as fast as with the name of a zone. */
const WITHOUT_OFFSET = new Set(['UTC', 'Etc/UTC']);
const FEW = 12;

/** Seconds, minutes and hours: the fields that define a time of day. */
const TIME_PARTS = 3;
const STEPS = /^(\d{1,2})-(\d{1,2})\/(\d{1,2})$/;

/**
 * The due times of a cron expression in a time zone. An expression with numbers, lists and ranges as seconds, minutes
 * and hours defines fixed times. If daylight saving skips such a time, it is due after the change; if it occurs twice,
 * it is due the first time. Expressions with `*` there recur at even intervals.
 */
export class CronTimes {
  private constructor(private readonly cron: Cron) {}

  /** @throws Error with one sentence about the fault in the expression */
  static of(expression: string, timezone: string): CronTimes {
    const zone = WITHOUT_OFFSET.has(timezone) ? { utcOffset: 0 } : { timezone };
    const options = { ...zone, mode: '5-or-6-parts', fixedTimeRule: 'no-wildcard' } as const;
    return new CronTimes(new Cron(withoutSteps(expression), options));
  }

  /** The first due time after this one; `undefined` if none follows. */
  after(instant: Instant): Instant | undefined {
    return this.cron.nextRun(new Date(instant))?.getTime();
  }

  /** Up to `count` due times after this one, earliest first. */
  next(count: number, instant: Instant): Instant[] {
    return this.cron.nextRuns(count, new Date(instant)).map((date) => date.getTime());
  }

  /** The latest `count` due times after `since` and up to `until`, earliest first. */
  between(since: Instant, until: Instant, count: number): Instant[] {
    // Due times are whole seconds, and the library returns only times before its argument.
    const bound = new Date((Math.floor(until / 1000) + 1) * 1000);
    // Usually there are few; finding a thousand takes milliseconds.
    for (let size = Math.min(FEW, count); ; size = Math.min(size * 8, count)) {
      const found = this.cron.previousRuns(size, bound).map((date) => date.getTime());
      const wanted = found.filter((time) => time > since);
      if (wanted.length < size || size === count) return wanted.toReversed();
    }
  }
}

/** Expands `2-14/12` to the equivalent `2,14`, because the library treats steps as recurring. */
function withoutSteps(expression: string): string {
  const parts = expression.split(' ');
  if (parts.length < 5) return expression;
  const count = TIME_PARTS - (6 - parts.length);
  return parts.map((part, index) => (index < count ? part.split(',').map(listed).join(',') : part)).join(' ');
}

function listed(part: string): string {
  const [, from, to, step] = (STEPS.exec(part) ?? []).map(Number);
  // The library reports the fault.
  if (from === undefined || to === undefined || step === undefined || step < 1 || from > to) return part;
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step).join(
    ',',
  );
}

export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
