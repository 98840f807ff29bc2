/** Tells a broken worker from broken tasks and outages. Pure rules over the attempts of a worker that ended lately. */
import type { Instant } from './clock.js';

/** How one attempt of a worker ended. */
export interface AttemptEnd {
  readonly at: Instant;
  readonly taskId: string;
  /** An interruption ended it. */
  readonly isLost: boolean;
}

/** A worker that breaks one task again and again may have met a bad task. */
const FEWEST_TASKS = 3;

/**
 * Since when a worker has been breaking what it gets: its last `after` attempts, on at least three tasks, were all
 * interrupted. `undefined` when it is sound, or `after` is 0.
 *
 * @param ends the latest attempts of the worker, oldest first
 */
export function brokenSince(ends: readonly AttemptEnd[], after: number): Instant | undefined {
  const last = after === 0 ? [] : ends.slice(-after);
  const [first] = last;
  if (first === undefined || last.length < after || !last.every(({ isLost }) => isLost)) return undefined;
  const tasks = new Set(last.map(({ taskId }) => taskId)).size;
  return tasks >= Math.min(FEWEST_TASKS, after) ? first.at : undefined;
}
