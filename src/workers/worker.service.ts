import { Injectable } from '@nestjs/common';
import { ProblemError } from '../http/problem.error.js';
import { TaskStore } from '../storage/task-store.js';
import type { Instant } from '../task/clock.js';
import { DrainList } from './drain.list.js';
import type { WorkerRecord } from './worker.record.js';
import { WorkerRegistry } from './worker.registry.js';

/** Held tasks that are looked at for one list: more say nothing to a person. */
const MAX_HELD = 10_000;
const PAGE = 1_000;

export interface HeldTask {
  readonly id: string;
  readonly queue: string;
  readonly since: Instant;
}

export interface KnownWorker extends WorkerRecord {
  readonly id: string;
  readonly isDraining: boolean;
  readonly held: readonly HeldTask[];
}

/** Lists workers, and tells them to go. */
@Injectable()
export class WorkerService {
  constructor(
    private readonly store: TaskStore,
    private readonly registry: WorkerRegistry,
    private readonly drains: DrainList,
  ) {}

  /** Those that were seen lately, or hold a task; by name. */
  async list(): Promise<readonly KnownWorker[]> {
    const [workers, held] = await Promise.all([this.registry.list(), this.held()]);
    const ids = [...new Set([...workers.keys(), ...held.keys()])].toSorted();
    return ids.map((id) => {
      const tasks = held.get(id) ?? [];
      const record = workers.get(id) ?? recordOf(tasks);
      return { ...record, id, isDraining: this.drains.has(id), held: tasks };
    });
  }

  /** @throws ProblemError `worker_not_found` */
  async drain(id: string): Promise<void> {
    await this.requireKnown(id);
    await this.drains.add(id, this.store.clock.now().wall);
  }

  /** @throws ProblemError `worker_not_found` */
  async resume(id: string): Promise<void> {
    if (!this.drains.has(id)) await this.requireKnown(id);
    await this.drains.remove(id);
  }

  private async requireKnown(id: string): Promise<void> {
    if ((await this.registry.list()).has(id) || (await this.held()).has(id)) return;
    throw new ProblemError('worker_not_found', `No worker ${id} was seen lately`);
  }

  /** What each worker holds now, as the store has it. */
  private async held(): Promise<ReadonlyMap<string, HeldTask[]>> {
    const held = new Map<string, HeldTask[]>();
    let cursor: string | undefined;
    let seen = 0;
    do {
      const page = await this.store.list({ states: ['processing'], limit: PAGE, cursor });
      for (const task of page.tasks) {
        if (task.state !== 'processing') continue;
        const { workerId } = task.lease;
        if (workerId === undefined) continue;
        const ofWorker = held.get(workerId) ?? [];
        held.set(workerId, ofWorker);
        ofWorker.push({ id: task.spec.id, queue: task.spec.queue, since: task.startedAt });
      }
      seen += page.tasks.length;
      cursor = page.nextCursor;
    } while (cursor !== undefined && seen < MAX_HELD);
    return held;
  }
}

/** Of a worker that was silent for so long that it is forgotten, and holds tasks: what these tell. */
function recordOf(held: readonly HeldTask[]): WorkerRecord {
  const first = held.reduce((least, { since }) => Math.min(least, since), Infinity);
  const last = held.reduce((most, { since }) => Math.max(most, since), -Infinity);
  const queues = [...new Set(held.map(({ queue }) => queue))];
  return { firstSeen: first, lastSeen: last, completed: 0, failed: 0, lost: 0, queues };
}
