import type { Instant } from '../task/clock.js';
import type { Labels } from '../task/requirements.js';

/** Ended attempts by outcome. */
export interface Tally {
  readonly completed: number;
  readonly failed: number;
  readonly lost: number;
}

/** The recorded activity of a worker. */
export interface WorkerRecord extends Tally {
  readonly firstSeen: Instant;
  readonly lastSeen: Instant;
  /** The tallies of its first queues; absent from records of older versions. */
  readonly byQueue?: Readonly<Record<string, Tally>>;
  /** The queues of its last claim. */
  readonly queues: readonly string[];
  /** The labels of its last claim; absent without labels and from records of older versions. */
  readonly labels?: Labels;
  /** When it signed off; later activity makes it present again. */
  readonly leftAt?: Instant;
}

/** Queues of a worker with their own tally. */
const MAX_QUEUES = 100;

const NONE: Tally = { completed: 0, failed: 0, lost: 0 };

/** The tallies with one more attempt of a queue. */
export function counted(
  byQueue: WorkerRecord['byQueue'] = {},
  queue: string,
  outcome: keyof Tally,
): NonNullable<WorkerRecord['byQueue']> {
  const present = Object.hasOwn(byQueue, queue) ? byQueue[queue] : undefined;
  if (present === undefined && Object.keys(byQueue).length >= MAX_QUEUES) return byQueue;
  return { ...byQueue, [queue]: plus(present, { ...NONE, [outcome]: 1 }) };
}

/** The total of the attempts in queues that pass. */
export function tallyOf({ byQueue = {} }: WorkerRecord, passes: (queue: string) => boolean): Tally {
  return Object.entries(byQueue).reduce(
    (sum, [queue, tally]) => (passes(queue) ? plus(sum, tally) : sum),
    NONE,
  );
}

function plus(one: Tally = NONE, other: Tally = NONE): Tally {
  return {
    completed: one.completed + other.completed,
    failed: one.failed + other.failed,
    lost: one.lost + other.lost,
  };
}

/** The record of a new worker. */
export function newWorker(at: Instant): WorkerRecord {
  return { firstSeen: at, lastSeen: at, completed: 0, failed: 0, lost: 0, queues: [] };
}

/** Whether it signed off and has been inactive since. */
export function hasLeft({ leftAt, lastSeen }: Pick<WorkerRecord, 'leftAt' | 'lastSeen'>): boolean {
  return leftAt !== undefined && leftAt >= lastSeen;
}

/** Merges the records of two processes about the same worker. */
export function merged(one: WorkerRecord, other: WorkerRecord | undefined): WorkerRecord {
  if (other === undefined) return one;
  const [earlier, later] = one.lastSeen <= other.lastSeen ? [one, other] : [other, one];
  const names = Object.keys({ ...one.byQueue, ...other.byQueue });
  const byQueue = names.map((name) => [name, plus(one.byQueue?.[name], other.byQueue?.[name])] as const);
  const leftAt = Math.max(one.leftAt ?? -Infinity, other.leftAt ?? -Infinity);
  return {
    firstSeen: Math.min(one.firstSeen, other.firstSeen),
    lastSeen: later.lastSeen,
    ...plus(one, other),
    ...(byQueue.length > 0 && { byQueue: Object.fromEntries(byQueue) }),
    ...claimOf(later.queues.length > 0 ? later : earlier),
    ...(leftAt > -Infinity && { leftAt }),
  };
}

/** What a record says about the last claim. */
function claimOf({ queues, labels }: WorkerRecord): Pick<WorkerRecord, 'queues' | 'labels'> {
  return { queues, ...(labels !== undefined && { labels }) };
}
