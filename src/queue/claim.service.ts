import { Injectable, Logger } from '@nestjs/common';
import { LeaseIds } from '../auth/lease-ids.js';
import { Config } from '../config/config.js';
import { type ClaimedTask, type ClaimRequest, StoreUnavailable, TaskStore } from '../storage/task-store.js';
import type { Seconds } from '../task/clock.js';
import type { Labels } from '../task/requirements.js';
import { release } from '../task/task.machine.js';
import type { Caller } from './caller.js';
import { TaskChanger } from './task-changer.js';
import { WaitingRoom } from './waiting-room.js';
import { WorkerWatch } from './worker-watch.js';

export interface Claim {
  readonly queues: readonly string[];
  readonly maxTasks: number;
  readonly wait: Seconds;
  readonly workerId?: string;
  readonly claimId?: string;
  readonly lease?: Seconds;
  /** What the worker offers. */
  readonly labels?: Labels;
}

/** Hands out tasks, and takes them back when their answer cannot be delivered. */
@Injectable()
export class ClaimService {
  private readonly logger = new Logger(ClaimService.name);

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
   * go straight back. A worker that is to drain gets nothing new: only what its claim holds already.
   */
  async claim(claim: Claim, caller: Caller): Promise<readonly ClaimedTask[]> {
    this.room.requireOpen();
    const { workerId, queues } = claim;
    if (workerId !== undefined) this.workers.saw(workerId, queues);
    const isDraining = this.workers.isDraining(workerId);
    if (isDraining && claim.claimId === undefined) return [];
    await this.leaseIds.whenReady();
    const request = this.requestFor(isDraining ? { ...claim, maxTasks: 0 } : claim);
    const isPatient = claim.wait > 0 && !isDraining;
    const claimed = isPatient ? await this.park(request, claim, caller) : await this.store.claim(request);
    if (claimed.length > 0) {
      caller.onGone(() => {
        void this.giveBack(claimed);
      });
    }
    return caller.isGone ? [] : claimed;
  }

  /** Who is told to drain leaves as if the wait were over. */
  private async park(request: ClaimRequest, { wait, workerId }: Claim, caller: Caller) {
    if (workerId === undefined) return this.room.claim(request, wait, caller);
    let forget: () => void = () => undefined;
    const leaving: Caller = {
      get isGone() {
        return caller.isGone;
      },
      onGone: (callback) => {
        caller.onGone(callback);
        forget = this.workers.onDrain(workerId, callback);
      },
    };
    try {
      return await this.room.claim(request, wait, leaving);
    } finally {
      forget();
    }
  }

  private requestFor(claim: Claim): ClaimRequest {
    const { queues, maxTasks, workerId, claimId, lease, labels } = claim;
    const { generation } = this.store;
    const { LEASE_GRACE_SECONDS: grace, MAX_LEASE_SECONDS: longest } = this.config;
    const leaseIds = Array.from({ length: maxTasks }, () => this.leaseIds.make(generation));
    const length = lease === undefined ? undefined : Math.min(lease, longest);
    return { queues, leaseIds, labels, grant: { workerId, claimId, lease: length, grace } };
  }

  private async giveBack(claimed: readonly ClaimedTask[]): Promise<void> {
    const given = await this.releaseAll(claimed).catch((error: unknown) => {
      // Nobody waits for this: an error that is let go here would end the process.
      if (!(error instanceof StoreUnavailable))
        this.logger.error('Giving back failed', (error as Error).stack);
      return 0;
    });
    const kept = claimed.length - given;
    // The lease ends by itself then; the task is late, not lost.
    if (kept > 0) this.logger.warn(`${kept} of ${claimed.length} undelivered tasks could not be given back`);
  }

  /** How many were given back. */
  private async releaseAll(claimed: readonly ClaimedTask[]): Promise<number> {
    const results = await this.changer.changeAll(
      claimed.map(({ task }) => ({
        id: task.spec.id,
        decide: (current, now) =>
          release(current, { leaseId: task.lease.id, reason: 'The worker hung up before its answer' }, now),
      })),
    );
    return results.filter(({ status }) => status === 'fulfilled').length;
  }
}
