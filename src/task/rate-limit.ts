import { type Instant, isAhead, type Seconds } from './clock.js';

/** At most `tasks` at once, and as many again in every `per`. */
export interface RateLimit {
  readonly tasks: number;
  readonly per: Seconds;
}

/**
 * A bucket of tokens that fills continuously, one token for each task that is handed out. All of it is one number, the
 * instant at which it will be full.
 */
export type FullAt = Instant;

/** Milliseconds until there is a token; 0 when there is one. */
export function untilToken(limit: RateLimit, fullAt: FullAt, now: Instant): number {
  return Math.max(believable(limit, fullAt, now) - (limit.tasks - 1) * interval(limit) - now, 0);
}

/** The bucket after a token was taken out. */
export function withoutToken(limit: RateLimit, fullAt: FullAt, now: Instant): FullAt {
  return Math.max(believable(limit, fullAt, now), now) + interval(limit);
}

/** A bucket without tokens. */
export function emptyBucket(limit: RateLimit, now: Instant): FullAt {
  return now + limit.tasks * interval(limit);
}

/**
 * No bucket is full later than an empty one. What says so was noted under a clock that was ahead, and nobody knows what was
 * handed out since: it counts for a full one, or the queue would stand still until then.
 */
function believable(limit: RateLimit, fullAt: FullAt, now: Instant): FullAt {
  return isAhead(fullAt, emptyBucket(limit, now)) ? -Infinity : fullAt;
}

/** Milliseconds that a token takes. */
function interval({ tasks, per }: RateLimit): number {
  return (per * 1000) / tasks;
}
