/** Rules that recognize a broken worker by its recent attempts. They exclude broken tasks and outages. */
import type { Instant } from './clock.js';

/** How one attempt of a worker ended. */
export interface AttemptEnd {
  readonly at: Instant;
  readonly taskId: string;
  /** An interruption ended it. */
  readonly isLost: boolean;
}

/** Interruptions of fewer tasks may be the fault of the tasks. */
const FEWEST_TASKS = 3;

/**
 * The time since which a worker has broken its tasks: its last `after` attempts, on at least three tasks, were all
 * interrupted. `undefined` for a sound worker, or if `after` is 0.
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
