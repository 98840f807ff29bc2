import type { Instant } from '../task/clock.js';
import type { CronTimes } from './cron.times.js';
import type { CatchUp } from './schedule.js';

/** A due time that is younger is on time: a pause of the process is no downtime. */
export const ON_TIME_MS = 10_000;
const MAX_ON_TIME = ON_TIME_MS / 1000 + 1;
/** `all` makes up for at most this many, the latest. */
export const MAX_CAUGHT_UP = 1000;

interface Span {
  /** Everything until then is done. */
  readonly since: Instant;
  readonly now: Instant;
}

/** The due times for which there must be a task by now, the earliest first. */
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
