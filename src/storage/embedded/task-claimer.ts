import type { Clock, Moment } from '../../task/clock.js';
import { claim, type Step, tick } from '../../task/task.machine.js';
import { Offer } from '../../task/requirements.js';
import type { ProcessingTask, QueuedTask } from '../../task/task.js';
import type { ClaimedTask, ClaimRequest } from '../task-store.js';
import { claimKeyOf } from '../claim-key.js';
import type { Commits, Transaction } from './commits.js';
import type { QueueFiles } from './queue-files.js';
import type { TaskIndex, TaskNumber } from './task-index.js';
import type { Place, TaskWriter } from './task-writer.js';

/** A claim call while it takes tasks. */
interface ClaimRun {
  readonly request: ClaimRequest;
  readonly offer: Offer;
  readonly transaction: Transaction;
  readonly claimed: ClaimedTask[];
}

/** Takes ready tasks and leases them. All of it happens in one turn, so nobody else gets them meanwhile. */
export class TaskClaimer {
  constructor(
    private readonly files: QueueFiles,
    private readonly index: TaskIndex,
    private readonly commits: Commits,
    private readonly writer: TaskWriter,
    private readonly clock: Clock,
  ) {}

  /** Leases the best tasks; those that have expired are expired on the way. */
  claim(request: ClaimRequest, transaction: Transaction): ClaimedTask[] {
    const claimed: ClaimedTask[] = [];
    const run = { request, offer: new Offer(request.labels), transaction, claimed };
    for (const queue of request.queues) this.claimFrom(queue, run);
    return claimed;
  }

  /** What a claim call holds by a lease that is still good. */
  heldBy(claimKey: string): ClaimedTask[] {
    const { steady } = this.clock.now();
    return this.index.heldBy(claimKey).flatMap((number) => {
      const task = this.files.read(number);
      if (task?.state !== 'processing' || task.lease.expiresAt <= steady) return [];
      return [{ task, payload: this.files.payloads.get(number) ?? '' }];
    });
  }

  private readonly createdAt = (number: TaskNumber) => this.files.read(number)?.createdAt ?? 0;

  private claimFrom(queue: string, run: ClaimRun): void {
    const { request, offer, transaction, claimed } = run;
    const flow = this.index.knownFlow(queue);
    const now = this.clock.now();
    for (;;) {
      const leaseId = request.leaseIds[claimed.length];
      const next = leaseId === undefined ? undefined : flow?.next(offer, now, this.createdAt);
      if (leaseId === undefined || flow === undefined || next === undefined) return;
      const stored = this.files.readStored(next.number);
      if (stored?.task.state !== 'queued' || this.commits.isBusy(stored.task.spec.id)) {
        // Somebody ends the waiting at this moment; the index follows when that is durable.
        flow.ready.delete(next, next.number);
        continue;
      }
      const place = { number: next.number, head: stored.head };
      const expiry = tick(stored.task, now);
      if (expiry === undefined) {
        flow.serve(next, now.steady);
        claimed.push(this.lease(stored.task, place, { ...run, leaseId, now }));
      } else {
        flow.ready.delete(next, next.number);
        this.writer.putChange(transaction, expiry, place);
      }
    }
  }

  private lease(
    task: QueuedTask,
    place: Place,
    run: ClaimRun & { leaseId: string; now: Moment },
  ): ClaimedTask {
    const { number } = place;
    const { workerId, claimId } = run.request.grant;
    const step: Step<ProcessingTask> = claim(task, { ...run.request.grant, leaseId: run.leaseId }, run.now);
    this.writer.putChange(run.transaction, step, place);
    if (claimId !== undefined) this.index.hold(claimKeyOf(workerId, claimId), number);
    return { task: step.task, payload: this.files.payloads.get(number) ?? '' };
  }
}
