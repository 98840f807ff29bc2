import { type Instant, isAhead } from '../task/clock.js';
import { merged, newWorker, type WorkerRecord } from './worker-record.js';

/** Milliseconds. A running process that has seen workers writes its sheet at least this often. */
export const SIGN_OF_LIFE_MS = 20_000;

/** The worker records of one process. Only that process writes it. */
export interface Sheet {
  readonly at: Instant;
  readonly workers: Readonly<Record<string, WorkerRecord>>;
  /** The workers with a parked poll, and its start. Absent from sheets of older versions. */
  readonly parked?: Readonly<Record<string, Instant>>;
}

/** The merged worker records of all sheets. A worker with a parked poll is active as long as its sheet is renewed. */
export function workersOn(sheets: readonly Sheet[], now: Instant): Map<string, WorkerRecord> {
  const workers = new Map<string, WorkerRecord>();
  for (const sheet of sheets) {
    for (const [id, record] of Object.entries(sheet.workers))
      workers.set(id, merged(believed(record, now), workers.get(id)));
  }
  for (const { at, parked = {} } of sheets) {
    const heardAt = Math.min(now, at + SIGN_OF_LIFE_MS);
    for (const [id, since] of Object.entries(parked)) {
      const record = workers.get(id) ?? newWorker(Math.min(since, now));
      const hasLeftSince = record.leftAt !== undefined && record.leftAt >= since;
      workers.set(id, hasLeftSince ? record : { ...record, lastSeen: Math.max(record.lastSeen, heardAt) });
    }
  }
  return workers;
}

/** Replaces times in the future by now: a wrong clock recorded them. */
function believed(record: WorkerRecord, now: Instant): WorkerRecord {
  if (!isAhead(record.lastSeen, now)) return record;
  return {
    ...record,
    lastSeen: now,
    ...(record.leftAt !== undefined && { leftAt: Math.min(record.leftAt, now) }),
  };
}
