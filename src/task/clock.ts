/** Milliseconds since the Unix epoch; fractions allowed. */
export type Instant = number;

/** A duration in seconds, fractions allowed: the unit of the HTTP contract. */
export type Seconds = number;

/**
 * One reading of both time scales, taken together.
 *
 * `wall` follows the calendar: `run_at`, `ttl`, retention and every time a client sees.
 * `steady` never jumps: leases are measured on it, so a corrected wall clock ends no lease early and keeps none
 * alive. Both are in milliseconds since the epoch and agree until someone sets the clock.
 */
export interface Moment {
  readonly wall: Instant;
  readonly steady: Instant;
}

/** The service's source of time. The store chooses the clock. */
export abstract class Clock {
  abstract now(): Moment;
}

/** The instant `seconds` after `from`. */
export function after(from: Instant, seconds: Seconds): Instant {
  return from + seconds * 1000;
}

/** Clocks of two processes differ by less than this. */
const NOTED_WITHIN_MS = 1_000;

/**
 * Whether a recorded event time lies in the future by more than clock skew. The clock that recorded it was wrong, so no
 * wait may depend on it.
 */
export function isAhead(noted: Instant | undefined, now: Instant): boolean {
  return noted !== undefined && noted > now + NOTED_WITHIN_MS;
}
