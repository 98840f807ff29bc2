import { Cron } from 'croner';
import type { Instant } from '../task/clock.js';

/** Five fields, or six with seconds in front, or a name such as `@daily`. */
export const CRON =
  /^(?:@(?:yearly|annually|monthly|weekly|daily|hourly)|[0-9A-Za-z*,/#+-]{1,60}(?: [0-9A-Za-z*,/#+-]{1,60}){4,5})$/;
export const TIME_ZONE = /^[A-Za-z0-9_+/-]{1,64}$/;

const FEW = 12;

/** Seconds, minutes and hours: the parts that name a time of the day. */
const TIME_PARTS = 3;
const STEPS = /^(\d{1,2})-(\d{1,2})\/(\d{1,2})$/;

/**
 * The due times of a cron expression in a time zone. An expression whose seconds, minutes and hours are numbers, lists
 * and ranges names fixed times: around a change of the clocks one that does not exist is due when the clocks have
 * changed, and one that exists twice is due the first time. What has a `*` there recurs evenly.
 */
export class CronTimes {
  private constructor(private readonly cron: Cron) {}

  /** @throws Error that says in one sentence what is wrong with the expression */
  static of(expression: string, timezone: string): CronTimes {
    const options = { timezone, mode: '5-or-6-parts', fixedTimeRule: 'no-wildcard' } as const;
    return new CronTimes(new Cron(withoutSteps(expression), options));
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

/** `2-14/12` names the same times as `2,14`, and so must be due as they are. The library takes it for recurring. */
function withoutSteps(expression: string): string {
  const parts = expression.split(' ');
  if (parts.length < 5) return expression;
  const count = TIME_PARTS - (6 - parts.length);
  return parts.map((part, index) => (index < count ? part.split(',').map(listed).join(',') : part)).join(' ');
}

function listed(part: string): string {
  const [, from, to, step] = (STEPS.exec(part) ?? []).map(Number);
  // What is wrong with it the library says.
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
