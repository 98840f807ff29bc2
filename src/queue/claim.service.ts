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
import { WorkerActivity } from './worker-activity.js';

export interface Claim {
  readonly queues: readonly string[];
  readonly maxTasks: number;
  readonly wait: Seconds;
  readonly workerId?: string;
  /** The id that the worker gives to the call. */
  readonly claimId?: string;
  /** The scope of the claim id: other scopes can use the same id. */
  readonly scope?: string;
  readonly lease?: Seconds;
  /** The labels of the worker. */
  readonly labels?: Labels;
}

/** Leases tasks, and releases them if their response cannot be delivered. */
@Injectable()
export class ClaimService {
  private readonly logger = new Logger(ClaimService.name);
  private readonly handOvers = new HandOvers((tasks) => this.giveBack(tasks));

  constructor(
    private readonly store: TaskStore,
    private readonly room: WaitingRoom,
    private readonly changer: TaskChanger,
    private readonly config: Config,
    private readonly workers: WorkerActivity,
    private readonly leaseIds: LeaseIds,
  ) {}

  /**
   * Leases ready tasks, waiting if requested. If the client disconnects before its response, the tasks return to the
   * queue at once, unless another call with the same `claim_id` delivers them. A draining worker gets only tasks that
   * its claim already holds.
   */
  async claim(claim: Claim, caller: Caller): Promise<readonly ClaimedTask[]> {
    this.room.requireOpen();
    const { workerId, queues } = claim;
    if (workerId !== undefined) this.workers.markSeen(workerId, queues, claim.labels);
    await this.leaseIds.whenReady();
    const until = this.store.clock.now().steady + claim.wait * 1000;
    for (;;) {
      // The drain may have been requested while this call waited.
      const isDraining = this.workers.isDraining(workerId);
      if (isDraining && claim.claimId === undefined) return [];
      const request = this.requestFor(isDraining ? { ...claim, maxTasks: 0 } : claim);
      const wait = isDraining ? 0 : (until - this.store.clock.now().steady) / 1000;
      const settle = claim.claimId === undefined ? undefined : this.handOvers.expect(request.leaseIds);
      try {
        const isPatient = claim.wait > 0 && wait > 0;
        const claimed = isPatient
          ? await this.park(request, { ...claim, wait }, caller)
          : await this.ask(request);
        const good = await this.deliverable(claimed, request, caller);
        if (good !== undefined) return good;
      } finally {
        settle?.();
      }
    }
  }

  /** The claimed tasks for the response; `undefined` to claim again, because they were given back meanwhile. */
  private async deliverable(
    claimed: readonly ClaimedTask[],
    request: ClaimRequest,
    caller: Caller,
  ): Promise<readonly ClaimedTask[] | undefined> {
    const returning = this.handOvers.returning(claimed);
    if (returning !== undefined) {
      // The previous call lost its response at this moment; its tasks are queued again, for this call as well.
      await returning;
      return undefined;
    }
    const { good, lose } = await this.handOver(claimed, request, caller);
    if (caller.isGone) {
      // The response contains none of these.
      lose();
      caller.requireEntry();
      return [];
    }
    return good.length > 0 || claimed.length === 0 ? good : undefined;
  }

  private async ask(request: ClaimRequest): Promise<readonly ClaimedTask[]> {
    const claimed = await this.store.claim(request);
    if (claimed.length > 0) this.room.wakeSameClaim(request);
    return claimed;
  }

  /** The part of the claim that the response can contain; `lose` reports that it contains none. */
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
   * Verifies leases that another process may be giving back. It writes their tasks unchanged, so that a concurrent
   * release fails. Released tasks are left out.
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

  /** Parks the claim. A drain ends it as if it had timed out. */
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
      // A worker that disconnected may have signed off meanwhile.
      if (!caller.isGone) workers.markSeen(workerId);
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
      // Not awaited, so a rejection would end the process.
      if (!(error instanceof StoreUnavailable))
        this.logger.error('Returning undelivered tasks failed', (error as Error).stack);
      return 0;
    });
    const kept = tasks.length - given;
    // Their leases expire, so the tasks are delayed and not lost.
    if (kept > 0)
      this.logger.warn(
        `${kept} of ${tasks.length} undelivered tasks were not returned; their leases will expire`,
      );
  }

  /** Returns the number of released tasks: those without writes since the claim. */
  private async releaseAll(tasks: readonly ProcessingTask[]): Promise<number> {
    const results = await this.changer.changeAll(
      tasks.map(({ spec, lease, revision }) => ({
        id: spec.id,
        decide: (current, now) => {
          // Either the holder has sent a heartbeat, or another process has delivered the lease.
          if (current.revision !== revision) throw new LeaseLost(spec.id, 'reassigned');
          return release(
            current,
            { leaseId: lease.id, reason: 'The worker disconnected before the response' },
            now,
          );
        },
      })),
    );
    return results.filter(({ status }) => status === 'fulfilled').length;
  }
}
