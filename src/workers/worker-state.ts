import { heartbeatInterval } from '../queue/task.view.js';
import type { Instant, Seconds } from '../task/clock.js';
import { hasLeft, type WorkerRecord } from './worker-record.js';

export const WORKER_STATES = ['busy', 'idle', 'silent', 'gone'] as const;

/**
 * - `busy`: holds tasks and was active recently
 * - `idle`: was active recently and holds no tasks
 * - `silent`: holds tasks and was inactive recently
 * - `gone`: signed off, or holds no tasks and was inactive recently
 */
export type WorkerState = (typeof WORKER_STATES)[number];

export interface HeldTask {
  readonly id: string;
  readonly queue: string;
  readonly since: Instant;
  readonly leaseLength: Seconds;
}

/** The number of consecutive missed heartbeats that make a worker silent. */
const MISSED_BEATS = 2;
/** Processes record activity once a second: with very short leases, a lower bound would make the state flicker. */
const LEAST_SILENCE_SECONDS = 3;
/** With the default of 300 s that is 100 s, longer than a poll can be parked. */
const IDLE_SHARE = 1 / 3;

/** @param forget seconds of inactivity after which an idle worker leaves the list */
export function stateOf(
  worker: Pick<WorkerRecord, 'lastSeen' | 'leftAt'>,
  held: readonly HeldTask[],
  { now, forget }: { readonly now: Instant; readonly forget: Seconds },
): WorkerState {
  // The store shows a claim before the process that answered it records the activity.
  const heardAt = held.reduce((last, { since }) => Math.max(last, Math.min(since, now)), worker.lastSeen);
  if (hasLeft({ leftAt: worker.leftAt, lastSeen: heardAt })) return 'gone';
  const silence = (now - heardAt) / 1000;
  if (held.length === 0) return silence > forget * IDLE_SHARE ? 'gone' : 'idle';
  return silence > longestPause(held, forget) ? 'silent' : 'busy';
}

/** Seconds that a holder can be inactive and still count as busy, by its shortest lease. */
function longestPause(held: readonly HeldTask[], forget: Seconds): Seconds {
  const shortest = held.reduce((least, { leaseLength }) => Math.min(least, leaseLength), Infinity);
  return Math.min(Math.max(heartbeatInterval(shortest) * MISSED_BEATS, LEAST_SILENCE_SECONDS), forget);
}
