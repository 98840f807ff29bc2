import { heartbeatInterval } from '../queue/task.view.js';
import type { Instant, Seconds } from '../task/clock.js';
import { hasLeft, type WorkerRecord } from './worker.record.js';

export const WORKER_STATES = ['busy', 'idle', 'silent', 'gone'] as const;

/**
 * - `busy`: it holds tasks and was heard lately
 * - `idle`: it was heard lately and holds nothing
 * - `silent`: it holds tasks and was not heard lately
 * - `gone`: it said goodbye, or was not heard lately and holds nothing
 */
export type WorkerState = (typeof WORKER_STATES)[number];

export interface HeldTask {
  readonly id: string;
  readonly queue: string;
  readonly since: Instant;
  readonly leaseLength: Seconds;
}

/** A worker that misses two heartbeats in a row is silent. */
const MISSED_BEATS = 2;
/** Processes write down what they see once a second: with the shortest leases, a bound below this would flicker. */
const LEAST_SILENCE_SECONDS = 3;
/** With the default of 300 s that is 100 s, longer than a parked poll lasts. */
const IDLE_SHARE = 1 / 3;

/** @param forget after how long a silence a worker that holds nothing is forgotten */
export function stateOf(
  worker: Pick<WorkerRecord, 'lastSeen' | 'leftAt'>,
  held: readonly HeldTask[],
  { now, forget }: { readonly now: Instant; readonly forget: Seconds },
): WorkerState {
  // A claim shows in the store before it shows on the sheet of the process that answered it.
  const heardAt = held.reduce((last, { since }) => Math.max(last, Math.min(since, now)), worker.lastSeen);
  if (hasLeft({ leftAt: worker.leftAt, lastSeen: heardAt })) return 'gone';
  const silence = (now - heardAt) / 1000;
  if (held.length === 0) return silence > forget * IDLE_SHARE ? 'gone' : 'idle';
  return silence > longestPause(held, forget) ? 'silent' : 'busy';
}

/** How long a holder may be silent and is still taken for busy: what its shortest lease allows. */
function longestPause(held: readonly HeldTask[], forget: Seconds): Seconds {
  const shortest = held.reduce((least, { leaseLength }) => Math.min(least, leaseLength), Infinity);
  return Math.min(Math.max(heartbeatInterval(shortest) * MISSED_BEATS, LEAST_SILENCE_SECONDS), forget);
}
