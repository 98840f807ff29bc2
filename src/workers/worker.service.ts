import { Injectable } from '@nestjs/common';
import { mayUseQueue, type Principal } from '../auth/principal.js';
import { Config } from '../config/config.js';
import { ProblemError } from '../http/problem.error.js';
import { turns } from '../http/turns.js';
import { TaskStore } from '../storage/task-store.js';
import type { Instant } from '../task/clock.js';
import { DrainList } from './drain-list.js';
import { hasLeft, newWorker, tallyOf, type WorkerRecord } from './worker-record.js';
import { WorkerRegistry } from './worker-registry.js';
import { type HeldTask, stateOf, type WorkerState } from './worker-state.js';

/** The maximum number of held tasks to read for one list. */
const MAX_HELD = 10_000;
const PAGE = 1_000;

type HeldTasks = ReadonlyMap<string, readonly HeldTask[]>;

export interface KnownWorker extends WorkerRecord {
  readonly id: string;
  readonly state: WorkerState;
  readonly isDraining: boolean;
  readonly quarantine: { readonly since: Instant; readonly reason: string } | undefined;
  readonly held: readonly HeldTask[];
}

/** Lists and drains workers, and records their sign-off. */
@Injectable()
export class WorkerService {
  private reading: Promise<HeldTasks> | undefined;

  constructor(
    private readonly store: TaskStore,
    private readonly registry: WorkerRegistry,
    private readonly drains: DrainList,
    private readonly config: Config,
  ) {}

  /**
   * Workers that were active recently or hold tasks, by name. A key for some queues sees only the workers of those
   * queues, with states and counts from these queues alone.
   */
  async list(principal: Principal): Promise<readonly KnownWorker[]> {
    const [workers, held] = await Promise.all([this.registry.list(), this.held()]);
    const ids = await turns.sorted([...new Set([...workers.keys(), ...held.keys()])]);
    const known: KnownWorker[] = [];
    await turns.inPieces(ids, (part) => {
      for (const id of part)
        known.push(...this.visible(id, { record: workers.get(id), held: held.get(id) }, principal));
    });
    return known;
  }

  /** @throws ProblemError `worker_not_found` */
  async drain(id: string): Promise<void> {
    await this.requireKnown(id);
    await this.drains.add(id, { since: this.store.clock.now().wall });
  }

  /** @throws ProblemError `worker_not_found` */
  async resume(id: string): Promise<void> {
    if (!this.drains.has(id)) await this.requireKnown(id);
    await this.drains.remove(id);
  }

  /**
   * Records that a worker has signed off. Its leases stay in effect.
   * @throws ProblemError `worker_not_found`
   */
  async leave(id: string, principal: Principal): Promise<KnownWorker> {
    const [workers, held] = await Promise.all([this.registry.list(), this.heldSoon()]);
    const record = workers.get(id);
    const [worker] = this.visible(id, { record, held: held.get(id) }, principal);
    if (worker === undefined) throw notSeen(id);
    if (worker.state === 'gone' && hasLeft(worker)) return worker;
    // Not earlier than its last activity, by the clock of whichever process saw it.
    const at = Math.max(this.store.clock.now().wall, worker.lastSeen);
    await this.registry.left(id, at);
    return { ...worker, lastSeen: at, leftAt: at, state: 'gone' };
  }

  private visible(
    id: string,
    { record, held = [] }: { readonly record?: WorkerRecord; readonly held?: readonly HeldTask[] },
    principal: Principal,
  ): KnownWorker[] {
    if (record === undefined && held.length === 0) return [];
    const known = record ?? recordOf(held);
    const tasks = held.filter(({ queue }) => mayUseQueue(principal, queue));
    const queues = known.queues.filter((queue) => mayUseQueue(principal, queue));
    const seesAll = principal.queues.includes('*');
    if (!seesAll && queues.length + tasks.length === 0) return [];
    const tally = seesAll ? known : tallyOf(known, (queue) => mayUseQueue(principal, queue));
    const { completed, failed, lost } = tally;
    const at = { now: this.store.clock.now().wall, forget: this.config.WORKER_FORGET_SECONDS };
    const state = stateOf(known, tasks, at);
    const isDraining = this.drains.has(id);
    const quarantine = this.drains.quarantineOf(id);
    return [{ ...known, completed, failed, lost, id, queues, state, isDraining, quarantine, held: tasks }];
  }

  private async requireKnown(id: string): Promise<void> {
    if ((await this.registry.list()).has(id) || (await this.held()).has(id)) return;
    throw notSeen(id);
  }

  /** The result of `held`, shared by concurrent callers: a fleet that signs off causes one read at a time. */
  private heldSoon(): Promise<HeldTasks> {
    this.reading ??= this.held().finally(() => {
      this.reading = undefined;
    });
    return this.reading;
  }

  /** The tasks that each worker holds, from the store. */
  private async held(): Promise<HeldTasks> {
    const held = new Map<string, HeldTask[]>();
    let cursor: string | undefined;
    let seen = 0;
    do {
      const page = await this.store.views.list({ states: ['processing'], limit: PAGE, cursor });
      for (const task of page.tasks) {
        if (task.state !== 'processing') continue;
        const { workerId, length } = task.lease;
        if (workerId === undefined) continue;
        const ofWorker = held.get(workerId) ?? [];
        held.set(workerId, ofWorker);
        const { id, queue } = task.spec;
        ofWorker.push({ id, queue, since: task.startedAt, leaseLength: length });
      }
      seen += page.tasks.length;
      cursor = page.nextCursor;
    } while (cursor !== undefined && seen < MAX_HELD);
    return held;
  }
}

function notSeen(id: string): ProblemError {
  return new ProblemError('worker_not_found', `No worker ${id} is known; it left or was silent for too long`);
}

/** The record of a worker that left the list by inactivity but holds tasks, derived from these. */
function recordOf(held: readonly HeldTask[]): WorkerRecord {
  const first = held.reduce((least, { since }) => Math.min(least, since), Infinity);
  const lastSeen = held.reduce((most, { since }) => Math.max(most, since), -Infinity);
  return { ...newWorker(first), lastSeen, queues: [...new Set(held.map(({ queue }) => queue))] };
}
