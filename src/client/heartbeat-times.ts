import type { Milliseconds } from './steady-clock.js';

/** Maximum number of leases per heartbeat. */
export const LARGEST_BEAT = 1000;

const SHORTEST_RETRY_MS = 1500;
const LONGEST_RETRY_MS = 2000;

/** Wait before an unanswered heartbeat is repeated: half an interval within these bounds, and at most an interval. */
export function retryAfter(interval: Milliseconds): Milliseconds {
  return Math.min(interval, LONGEST_RETRY_MS, Math.max(SHORTEST_RETRY_MS, interval / 2));
}
