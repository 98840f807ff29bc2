import type { Committed } from '../storage/task-store.js';
import { type Instant, isAhead } from '../task/clock.js';
import { merged, newWorker, type WorkerRecord } from './worker.record.js';

/** More workers than that are not noted until others are forgotten. */
const MAX_WORKERS = 10_000;

type Noted = { -readonly [Name in keyof WorkerRecord]: WorkerRecord[Name] };

interface Parked {
  since: Instant;
  polls: number;
}

const ENDINGS = { completed: 'completed', failed: 'failed', lost: 'lost' } as const;

/** What this process has seen of workers. */
export class WorkerLedger {
  private readonly workers = new Map<string, Noted>();
  private readonly polls = new Map<string, Parked>();
  /** Whether anything was noted since this was set to false. */
  isChanged = false;

  get size(): number {
    return this.workers.size + this.polls.size;
  }

  saw(workerId: string, at: Instant, queues?: readonly string[]): void {
    const worker = this.noted(workerId, at);
    if (worker === undefined) return;
    worker.lastSeen = at;
    delete worker.leftAt;
    if (queues !== undefined) worker.queues = queues;
  }

  /** It said goodbye. */
  left(workerId: string, at: Instant): void {
    const worker = this.noted(workerId, at);
    if (worker === undefined) return;
    worker.lastSeen = at;
    worker.leftAt = at;
  }

  /** Notes a poll that is parked, until what is returned is called. */
  parked(workerId: string, since: Instant): () => void {
    const parked = this.polls.get(workerId) ?? { since, polls: 0 };
    this.polls.set(workerId, parked);
    parked.since = since;
    parked.polls += 1;
    this.isChanged = true;
    return () => {
      parked.polls -= 1;
      if (parked.polls === 0) this.polls.delete(workerId);
      this.isChanged = true;
    };
  }

  /** Counts the attempts that ended. A report is a sign of life; a lease that ran out is none. */
  count(transitions: readonly Committed[]): void {
    for (const { ended } of transitions) {
      if (ended?.workerId === undefined || !(ended.outcome in ENDINGS)) continue;
      const worker = this.noted(ended.workerId, ended.endedAt);
      if (worker === undefined) continue;
      worker[ended.outcome as keyof typeof ENDINGS] += 1;
      if (ended.outcome !== 'lost') worker.lastSeen = Math.max(worker.lastSeen, ended.endedAt);
    }
  }

  /** Takes over what another process has noted. */
  adopt(workers: ReadonlyMap<string, WorkerRecord>): void {
    for (const [id, record] of workers) {
      this.workers.set(id, { ...merged(record, this.workers.get(id)) });
      this.isChanged = true;
    }
  }

  /**
   * Forgets those that were seen last before this and have no parked poll. One that was seen ahead, under a wrong clock,
   * was seen now.
   */
  forget(before: Instant, now: Instant): void {
    for (const [id, worker] of this.workers) {
      if (isAhead(worker.lastSeen, now)) {
        worker.lastSeen = now;
        if (worker.leftAt !== undefined) worker.leftAt = Math.min(worker.leftAt, now);
        this.isChanged = true;
      }
      if (worker.lastSeen >= before || this.polls.has(id)) continue;
      this.workers.delete(id);
      this.isChanged = true;
    }
  }

  /** Forgets what is on a sheet that another process took over. Polls that are parked here stay. */
  clear(): void {
    this.workers.clear();
  }

  contents(): Readonly<Record<string, WorkerRecord>> {
    return Object.fromEntries(this.workers);
  }

  parkedPolls(): Readonly<Record<string, Instant>> {
    return Object.fromEntries([...this.polls].map(([id, { since }]) => [id, since]));
  }

  private noted(workerId: string, at: Instant): Noted | undefined {
    this.isChanged = true;
    const known = this.workers.get(workerId);
    if (known !== undefined || this.workers.size >= MAX_WORKERS) return known;
    const worker: Noted = { ...newWorker(at) };
    this.workers.set(workerId, worker);
    return worker;
  }
}
