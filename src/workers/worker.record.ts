import type { Instant } from '../task/clock.js';

/** What is known of a worker. */
export interface WorkerRecord {
  readonly firstSeen: Instant;
  readonly lastSeen: Instant;
  readonly completed: number;
  readonly failed: number;
  readonly lost: number;
  /** Those it claimed from last. */
  readonly queues: readonly string[];
}

/** What two processes know of the same worker. */
export function merged(one: WorkerRecord, other: WorkerRecord | undefined): WorkerRecord {
  if (other === undefined) return one;
  const [earlier, later] = one.lastSeen <= other.lastSeen ? [one, other] : [other, one];
  return {
    firstSeen: Math.min(one.firstSeen, other.firstSeen),
    lastSeen: later.lastSeen,
    completed: one.completed + other.completed,
    failed: one.failed + other.failed,
    lost: one.lost + other.lost,
    queues: later.queues.length > 0 ? later.queues : earlier.queues,
  };
}
