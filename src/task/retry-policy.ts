import type { Seconds } from './clock.js';

/** The wait between a failed attempt and the next one. */
export interface Backoff {
  readonly type: 'exponential' | 'fixed';
  /** Wait after the first failure. */
  readonly delay: Seconds;
  /** Upper bound of the wait before jitter. */
  readonly maxDelay: Seconds;
  /** Share of the wait added at random, 0 to 1. */
  readonly jitter: number;
}

export const DEFAULT_BACKOFF: Backoff = { type: 'exponential', delay: 1, maxDelay: 300, jitter: 0.1 };

// Larger exponents exceed every allowed max_delay, and 2 ** n would reach Infinity.
const MAX_DOUBLINGS = 64;

/**
 * The wait before the next attempt, in seconds.
 *
 * Exponential waits double with each failure. Jitter is only ever added, so a task is never early.
 *
 * @param failures failures so far, 1 after the first
 * @param random from 0 up to, not including, 1
 */
export function retryDelay(backoff: Backoff, failures: number, random: number): Seconds {
  const doublings = backoff.type === 'fixed' ? 0 : Math.min(failures - 1, MAX_DOUBLINGS);
  const wait = Math.min(backoff.delay * 2 ** doublings, backoff.maxDelay);
  return wait * (1 + backoff.jitter * random);
}
