import type { Instant } from '../task/clock.js';
import type { CronTimes } from './cron-times.js';
import type { CatchUp } from './schedule.js';

/** Milliseconds. A due time within this age is on time: a paused process does not count as downtime. */
export const ON_TIME_MS = 10_000;
const MAX_ON_TIME = ON_TIME_MS / 1000 + 1;
/** `all` makes up for at most this many due times, the latest. */
const MAX_CAUGHT_UP = 1000;

interface Span {
  /** All due times up to here are handled. */
  readonly since: Instant;
  readonly now: Instant;
}

/** The due times that must have a task by now, earliest first. */
export function dueTimes(times: CronTimes, catchUp: CatchUp, { since, now }: Span): Instant[] {
  const onTimeSince = Math.max(since, now - ON_TIME_MS);
  switch (catchUp) {
    case 'skip':
      return times.between(onTimeSince, now, MAX_ON_TIME);
    case 'one':
      return [...times.between(since, onTimeSince, 1), ...times.between(onTimeSince, now, MAX_ON_TIME)];
    case 'all':
      return times.between(since, now, MAX_CAUGHT_UP);
  }
}
