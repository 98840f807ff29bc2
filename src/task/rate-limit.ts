import { type Instant, isAhead, type Seconds } from './clock.js';

/** At most `tasks` at once, refilled within every `per` seconds. */
export interface RateLimit {
  readonly tasks: number;
  readonly per: Seconds;
}

/**
 * A token bucket that refills continuously; each claimed task takes one token. One number holds its state: the instant
 * when it is full again.
 */
export type FullAt = Instant;

/** Milliseconds until there is a token; 0 when there is one. */
export function untilToken(limit: RateLimit, fullAt: FullAt, now: Instant): number {
  return Math.max(plausible(limit, fullAt, now) - (limit.tasks - 1) * interval(limit) - now, 0);
}

/** The bucket after a token was taken out. */
export function withoutToken(limit: RateLimit, fullAt: FullAt, now: Instant): FullAt {
  return Math.max(plausible(limit, fullAt, now), now) + interval(limit);
}

/** A bucket without tokens. */
export function emptyBucket(limit: RateLimit, now: Instant): FullAt {
  return now + limit.tasks * interval(limit);
}

/**
 * Replaces an impossible reading by a full bucket. No bucket can fill later than an empty one, so a later time comes
 * from a clock that ran ahead. Keeping it would stop the queue until then.
 */
function plausible(limit: RateLimit, fullAt: FullAt, now: Instant): FullAt {
  return isAhead(fullAt, emptyBucket(limit, now)) ? -Infinity : fullAt;
}

/** Milliseconds to refill one token. */
function interval({ tasks, per }: RateLimit): number {
  return (per * 1000) / tasks;
}
