import type { CommittedTransition } from '../storage/transitions.js';
import { type Instant, isAhead } from '../task/clock.js';
import { counted, merged, newWorker, type Tally, type WorkerRecord } from './worker-record.js';

/** Beyond this number, new workers are not recorded until others leave the list. */
const MAX_WORKERS = 10_000;

type Noted = { -readonly [Name in keyof WorkerRecord]: WorkerRecord[Name] };

interface Parked {
  since: Instant;
  polls: number;
}

const ENDINGS = { completed: 'completed', failed: 'failed', lost: 'lost' } as const;

/** The worker activity that this process has seen. */
export class WorkerLedger {
  private readonly workers = new Map<string, Noted>();
  private readonly polls = new Map<string, Parked>();
  /** Workers with changes since the last `takeChanged`. */
  private changed = new Set<string>();
  /** The last taken record of each worker that had a parked poll then. */
  private readonly taken = new Map<string, string>();

  get size(): number {
    return this.workers.size + this.polls.size;
  }

  markSeen(workerId: string, at: Instant, claim?: Pick<WorkerRecord, 'queues' | 'labels'>): void {
    const worker = this.noted(workerId, at);
    if (worker === undefined) return;
    worker.lastSeen = at;
    delete worker.leftAt;
    if (claim === undefined) return;
    worker.queues = claim.queues;
    if (claim.labels === undefined) delete worker.labels;
    else worker.labels = claim.labels;
  }

  /** Records that a worker signed off. */
  left(workerId: string, at: Instant): void {
    const worker = this.noted(workerId, at);
    if (worker === undefined) return;
    worker.lastSeen = at;
    worker.leftAt = at;
  }

  /** Records a parked poll until the returned function is called. */
  parked(workerId: string, since: Instant): () => void {
    const parked = this.polls.get(workerId) ?? { since, polls: 0 };
    this.polls.set(workerId, parked);
    parked.since = since;
    parked.polls += 1;
    this.changed.add(workerId);
    return () => {
      parked.polls -= 1;
      if (parked.polls === 0) this.polls.delete(workerId);
      this.changed.add(workerId);
    };
  }

  /** Counts ended attempts. A report counts as activity; an expired lease does not. */
  count(transitions: readonly CommittedTransition[]): void {
    for (const { ended, task } of transitions) {
      if (ended?.workerId === undefined || !(ended.outcome in ENDINGS)) continue;
      const worker = this.noted(ended.workerId, ended.endedAt);
      if (worker === undefined) continue;
      const outcome = ended.outcome as keyof Tally;
      worker[outcome] += 1;
      worker.byQueue = counted(worker.byQueue, task.spec.queue, outcome);
      if (ended.outcome !== 'lost') worker.lastSeen = Math.max(worker.lastSeen, ended.endedAt);
    }
  }

  /** Adds the records of another process. */
  adopt(workers: ReadonlyMap<string, WorkerRecord>): void {
    for (const [id, record] of workers) {
      this.workers.set(id, { ...merged(record, this.workers.get(id)) });
      this.changed.add(id);
    }
  }

  /**
   * Drops workers without a parked poll and without activity since `before`. Activity in the future was recorded under
   * a wrong clock and counts as now.
   */
  forget(before: Instant, now: Instant): void {
    for (const [id, worker] of this.workers) {
      if (isAhead(worker.lastSeen, now)) {
        worker.lastSeen = now;
        if (worker.leftAt !== undefined) worker.leftAt = Math.min(worker.leftAt, now);
        this.changed.add(id);
      }
      if (worker.lastSeen >= before || this.polls.has(id)) continue;
      this.workers.delete(id);
      this.changed.add(id);
    }
  }

  /** Drops workers that another process took over. Locally parked polls stay. */
  drop(ids: Iterable<string>): void {
    for (const id of ids) {
      this.workers.delete(id);
      this.taken.delete(id);
    }
  }

  /**
   * The workers whose record has changed since the last call. A worker that has a parked poll both times is active as
   * long as the sheet is written. Its further activity and new polls are no changes.
   */
  takeChanged(): readonly string[] {
    const { changed } = this;
    this.changed = new Set();
    return [...changed].filter((id) => {
      const text = this.polls.has(id) ? this.essenceOf(id) : undefined;
      const isSame = text !== undefined && this.taken.get(id) === text;
      if (text === undefined) this.taken.delete(id);
      else this.taken.set(id, text);
      return !isSame;
    });
  }

  /** Whether this worker is recorded. */
  has(id: string): boolean {
    return this.workers.has(id) || this.polls.has(id);
  }

  contents(ids: Iterable<string>): Readonly<Record<string, WorkerRecord>> {
    return Object.fromEntries(
      [...ids].flatMap((id) => {
        const worker = this.workers.get(id);
        return worker === undefined ? [] : [[id, worker]];
      }),
    );
  }

  parkedPolls(ids: Iterable<string>): Readonly<Record<string, Instant>> {
    return Object.fromEntries(
      [...ids].flatMap((id) => {
        const parked = this.polls.get(id);
        return parked === undefined ? [] : [[id, parked.since]];
      }),
    );
  }

  /** The part of a parked worker's record that other processes cannot derive. */
  private essenceOf(id: string): string {
    const { lastSeen: _, ...rest } = this.workers.get(id) ?? {};
    return JSON.stringify(rest);
  }

  private noted(workerId: string, at: Instant): Noted | undefined {
    const known = this.workers.get(workerId);
    if (known !== undefined || this.workers.size < MAX_WORKERS) this.changed.add(workerId);
    if (known !== undefined || this.workers.size >= MAX_WORKERS) return known;
    const worker: Noted = { ...newWorker(at) };
    this.workers.set(workerId, worker);
    return worker;
  }
}
