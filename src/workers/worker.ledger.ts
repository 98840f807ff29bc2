import type { Committed } from '../storage/task-store.js';
import { type Instant, isAhead } from '../task/clock.js';
import { merged, type WorkerRecord } from './worker.record.js';

/** More workers than that are not noted until others are forgotten. */
const MAX_WORKERS = 10_000;

type Noted = { -readonly [Name in keyof WorkerRecord]: WorkerRecord[Name] };

const ENDINGS = { completed: 'completed', failed: 'failed', lost: 'lost' } as const;

/** What this process has seen of workers. */
export class WorkerLedger {
  private readonly workers = new Map<string, Noted>();
  /** Whether anything was noted since this was set to false. */
  isChanged = false;

  get size(): number {
    return this.workers.size;
  }

  saw(workerId: string, at: Instant, queues?: readonly string[]): void {
    const worker = this.noted(workerId, at);
    if (worker === undefined) return;
    worker.lastSeen = at;
    if (queues !== undefined) worker.queues = queues;
  }

  /** Counts the attempts that ended. */
  count(transitions: readonly Committed[]): void {
    for (const { ended } of transitions) {
      if (ended?.workerId === undefined || !(ended.outcome in ENDINGS)) continue;
      const worker = this.noted(ended.workerId, ended.endedAt);
      if (worker !== undefined) worker[ended.outcome as keyof typeof ENDINGS] += 1;
    }
  }

  /** Takes over what another process has noted. */
  adopt(workers: Readonly<Record<string, WorkerRecord>>): void {
    for (const [id, record] of Object.entries(workers)) {
      this.workers.set(id, { ...merged(record, this.workers.get(id)) });
      this.isChanged = true;
    }
  }

  /** Forgets those that were seen last before this. One that was seen ahead, under a wrong clock, was seen now. */
  forget(before: Instant, now: Instant): void {
    for (const [id, worker] of this.workers) {
      if (isAhead(worker.lastSeen, now)) {
        worker.lastSeen = now;
        this.isChanged = true;
      }
      if (worker.lastSeen >= before) continue;
      this.workers.delete(id);
      this.isChanged = true;
    }
  }

  clear(): void {
    this.workers.clear();
  }

  contents(): Readonly<Record<string, WorkerRecord>> {
    return Object.fromEntries(this.workers);
  }

  private noted(workerId: string, at: Instant): Noted | undefined {
    this.isChanged = true;
    const known = this.workers.get(workerId);
    if (known !== undefined || this.workers.size >= MAX_WORKERS) return known;
    const worker: Noted = { firstSeen: at, lastSeen: at, completed: 0, failed: 0, lost: 0, queues: [] };
    this.workers.set(workerId, worker);
    return worker;
  }
}
