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
  /** When it said goodbye; it is back when it was seen after that. */
  readonly leftAt?: Instant;
}

/** A worker of which nothing is known yet. */
export function newWorker(at: Instant): WorkerRecord {
  return { firstSeen: at, lastSeen: at, completed: 0, failed: 0, lost: 0, queues: [] };
}

/** Whether it said goodbye and was not seen again. */
export function hasLeft({ leftAt, lastSeen }: Pick<WorkerRecord, 'leftAt' | 'lastSeen'>): boolean {
  return leftAt !== undefined && leftAt >= lastSeen;
}

/** What two processes know of the same worker. */
export function merged(one: WorkerRecord, other: WorkerRecord | undefined): WorkerRecord {
  if (other === undefined) return one;
  const [earlier, later] = one.lastSeen <= other.lastSeen ? [one, other] : [other, one];
  const leftAt = Math.max(one.leftAt ?? -Infinity, other.leftAt ?? -Infinity);
  return {
    firstSeen: Math.min(one.firstSeen, other.firstSeen),
    lastSeen: later.lastSeen,
    completed: one.completed + other.completed,
    failed: one.failed + other.failed,
    lost: one.lost + other.lost,
    queues: later.queues.length > 0 ? later.queues : earlier.queues,
    ...(leftAt > -Infinity && { leftAt }),
  };
}
