import { Injectable, Logger } from '@nestjs/common';
import { LeaseIds } from '../auth/lease-ids.js';
import { Config } from '../config/config.js';
import { type ClaimedTask, type ClaimRequest, StoreUnavailable, TaskStore } from '../storage/task-store.js';
import type { Seconds } from '../task/clock.js';
import type { Labels } from '../task/requirements.js';
import { LeaseLost } from '../task/task.errors.js';
import { heartbeat, release } from '../task/task.machine.js';
import type { ProcessingTask } from '../task/task.js';
import type { Caller } from './caller.js';
import { HandOvers } from './hand-overs.js';
import { TaskChanger } from './task-changer.js';
import { WaitingRoom } from './waiting-room.js';
import { WorkerWatch } from './worker-watch.js';

export interface Claim {
  readonly queues: readonly string[];
  readonly maxTasks: number;
  readonly wait: Seconds;
  readonly workerId?: string;
  /** The worker's own name for the call. */
  readonly claimId?: string;
  /** Whose names for calls these are: workers of other scopes may use the same. */
  readonly scope?: string;
  readonly lease?: Seconds;
  /** What the worker offers. */
  readonly labels?: Labels;
}

/** Hands out tasks, and takes them back when their answer cannot be delivered. */
@Injectable()
export class ClaimService {
  private readonly logger = new Logger(ClaimService.name);
  private readonly handOvers = new HandOvers((tasks) => this.giveBack(tasks));

  constructor(
    private readonly store: TaskStore,
    private readonly room: WaitingRoom,
    private readonly changer: TaskChanger,
    private readonly config: Config,
    private readonly workers: WorkerWatch,
    private readonly leaseIds: LeaseIds,
  ) {}

  /**
   * Leases ready tasks, waiting for one if asked to. When the caller hangs up before its answer is written, the tasks
   * go straight back, unless another call with the same `claim_id` is answered with them too. A worker that is to drain
   * gets nothing new: only what its claim holds already.
   */
  async claim(claim: Claim, caller: Caller): Promise<readonly ClaimedTask[]> {
    this.room.requireOpen();
    const { workerId, queues } = claim;
    if (workerId !== undefined) this.workers.saw(workerId, queues);
    await this.leaseIds.whenReady();
    const until = this.store.clock.now().steady + claim.wait * 1000;
    for (;;) {
      // An order to drain may have come while this call waited.
      const isDraining = this.workers.isDraining(workerId);
      if (isDraining && claim.claimId === undefined) return [];
      const request = this.requestFor(isDraining ? { ...claim, maxTasks: 0 } : claim);
      const wait = isDraining ? 0 : (until - this.store.clock.now().steady) / 1000;
      const isPatient = claim.wait > 0 && wait > 0;
      const claimed = isPatient
        ? await this.park(request, { ...claim, wait }, caller)
        : await this.ask(request);
      const returning = this.handOvers.returning(claimed);
      if (returning === undefined) {
        const { good, lose } = await this.handOver(claimed, request, caller);
        if (caller.isGone) {
          // Whatever it is answered with, it gets none of these.
          lose();
          caller.requireEntry();
          return [];
        }
        if (good.length > 0 || claimed.length === 0) return good;
      }
      // The call before this one lost its answer at this moment: what it held is in the queue again, for this one too.
      await returning;
    }
  }

  private async ask(request: ClaimRequest): Promise<readonly ClaimedTask[]> {
    const claimed = await this.store.claim(request);
    if (claimed.length > 0) this.room.wakeSameClaim(request);
    return claimed;
  }

  /** What of it the caller may be answered with; `lose` says that it is not answered with any. */
  private async handOver(
    claimed: readonly ClaimedTask[],
    { leaseIds }: ClaimRequest,
    caller: Caller,
  ): Promise<{ readonly good: readonly ClaimedTask[]; readonly lose: () => void }> {
    const isOurs = (each: ClaimedTask) => leaseIds.includes(each.task.lease.id) || this.handOvers.has(each);
    const ours = claimed.filter(isOurs);
    const lose = this.handOvers.carry(ours, leaseIds, caller);
    if (ours.length === claimed.length) return { good: claimed, lose };
    const others = await this.confirm(claimed.filter((each) => !ours.includes(each)));
    const good = claimed.flatMap((each) => (ours.includes(each) ? each : (others.get(each) ?? [])));
    return { good, lose };
  }

  /**
   * Makes sure of leases that another process may be giving back now. It writes their tasks without a change, so
   * whoever gives back what its claim has written is refused. Those that were given back already are left out.
   */
  private async confirm(held: readonly ClaimedTask[]): Promise<ReadonlyMap<ClaimedTask, ClaimedTask>> {
    const results = await this.changer.changeAll(
      held.map(({ task }) => ({
        id: task.spec.id,
        decide: (current, now) => ({ task: heartbeat(current, { leaseId: task.lease.id, extend: 0 }, now) }),
      })),
    );
    return new Map(
      held.flatMap((each, index) => {
        const result = results[index];
        const isHeld = result?.status === 'fulfilled' && result.value.state === 'processing';
        return isHeld ? [[each, { ...each, task: result.value as ProcessingTask }] as const] : [];
      }),
    );
  }

  /** Who is told to drain leaves as if the wait were over. */
  private async park(request: ClaimRequest, { wait, workerId }: Claim, caller: Caller) {
    if (workerId === undefined) return this.room.claim(request, wait, caller);
    const { workers } = this;
    let forget: () => void = () => undefined;
    const leaving: Caller = {
      get isGone() {
        return caller.isGone || workers.isDraining(workerId);
      },
      onAnswered: (callback) => {
        caller.onAnswered(callback);
      },
      requireEntry: () => {
        caller.requireEntry();
      },
      onGone: (callback) => {
        caller.onGone(callback);
        forget = workers.onDrain(workerId, callback);
      },
    };
    const end = workers.parked(workerId);
    try {
      return await this.room.claim(request, wait, leaving);
    } finally {
      forget();
      end();
      // A worker that hung up may have said goodbye meanwhile.
      if (!caller.isGone) workers.saw(workerId);
    }
  }

  private requestFor(claim: Claim): ClaimRequest {
    const { queues, maxTasks, workerId, scope = '', lease, labels } = claim;
    const claimId = claim.claimId && claim.claimId + scope;
    const { generation } = this.store;
    const { LEASE_GRACE_SECONDS: grace, MAX_LEASE_SECONDS: longest } = this.config;
    const leaseIds = Array.from({ length: maxTasks }, () => this.leaseIds.make(generation));
    const length = lease === undefined ? undefined : Math.min(lease, longest);
    return { queues, leaseIds, labels, grant: { workerId, claimId, lease: length, grace } };
  }

  private async giveBack(tasks: readonly ProcessingTask[]): Promise<void> {
    const given = await this.releaseAll(tasks).catch((error: unknown) => {
      // Nobody waits for this: an error that is let go here would end the process.
      if (!(error instanceof StoreUnavailable))
        this.logger.error('Giving back failed', (error as Error).stack);
      return 0;
    });
    const kept = tasks.length - given;
    // The lease ends by itself then; the task is late, not lost.
    if (kept > 0) this.logger.warn(`${kept} of ${tasks.length} undelivered tasks could not be given back`);
  }

  /** How many were given back: those that nobody has written since they were claimed. */
  private async releaseAll(tasks: readonly ProcessingTask[]): Promise<number> {
    const results = await this.changer.changeAll(
      tasks.map(({ spec, lease, revision }) => ({
        id: spec.id,
        decide: (current, now) => {
          // A heartbeat: its holder has the lease. Or another process has answered a call with it.
          if (current.revision !== revision) throw new LeaseLost(spec.id, 'reassigned');
          return release(current, { leaseId: lease.id, reason: 'The worker hung up before its answer' }, now);
        },
      })),
    );
    return results.filter(({ status }) => status === 'fulfilled').length;
  }
}
