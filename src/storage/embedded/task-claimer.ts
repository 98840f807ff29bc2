import type { Clock, Moment } from '../../task/clock.js';
import { claim, type Transition, tick } from '../../task/task.machine.js';
import { Offer } from '../../task/requirements.js';
import type { ProcessingTask, QueuedTask, Task } from '../../task/task.js';
import type { ClaimedTask, ClaimRequest } from '../task-store.js';
import type { StoredTask } from './task-record.js';
import { claimKeyOf } from '../claim-key.js';
import type { BirthTimes } from './birth-times.js';
import type { Commits, Transaction } from './commits.js';
import type { QueueFiles } from './queue-files.js';
import type { TaskIndex, TaskNumber } from './task-index.js';
import type { ExistingRecord, TaskWriter } from './task-writer.js';

/** Unavailable tasks that one turn of a claim skips at most: about a millisecond or two. */
const PASSED_OVER_PER_TURN = 200;

/** What a worker gets beside the task. */
type Texts = Pick<ClaimedTask, 'payload' | 'checkpoint'>;

/** The state of a claim call. */
interface ClaimRun {
  readonly request: ClaimRequest;
  readonly offer: Offer;
  readonly transaction: Transaction;
  readonly claimed: ClaimedTask[];
  /** Tasks that this turn may still skip. */
  passOver: number;
}

/** The result of one turn of a claim. */
export interface ClaimTurn {
  readonly claimed: readonly ClaimedTask[];
  /** Whether the claim is complete. If not, more tasks may follow those that it skipped. */
  readonly isDone: boolean;
}

/** Leases ready tasks. All of it happens in one turn, so no other claim gets the same tasks. */
export class TaskClaimer {
  constructor(
    private readonly files: QueueFiles,
    private readonly index: TaskIndex,
    private readonly commits: Commits,
    private readonly writer: TaskWriter,
    private readonly clock: Clock,
    private readonly births: BirthTimes,
  ) {}

  /** Leases the best tasks. Expires overdue tasks that it meets, a bounded number per turn. */
  claim(request: ClaimRequest, transaction: Transaction): ClaimTurn {
    const claimed: ClaimedTask[] = [];
    const passOver = PASSED_OVER_PER_TURN;
    const run: ClaimRun = { request, offer: new Offer(request.labels), transaction, claimed, passOver };
    for (const queue of request.queues) if (run.passOver > 0) this.claimFrom(queue, run);
    return { claimed, isDone: run.passOver > 0 };
  }

  /** The tasks that a claim call holds by valid leases. */
  heldBy(claimKey: string): ClaimedTask[] {
    const { steady } = this.clock.now();
    return this.index.heldBy(claimKey).flatMap((number) => {
      const task = this.files.readSound(number);
      if (task?.state !== 'processing' || task.lease.expiresAt <= steady) return [];
      const texts = this.files.quarantine.attempt(number, () => this.textsOf(number, task));
      return texts === undefined ? [] : [{ task, ...texts }];
    });
  }

  private claimFrom(queue: string, run: ClaimRun): void {
    const { request, offer, transaction, claimed } = run;
    const flow = this.index.knownFlow(queue);
    const now = this.clock.now();
    const picks = flow?.picks(offer, now.steady, this.births.of);
    while (run.passOver > 0) {
      const leaseId = request.leaseIds[claimed.length];
      const next = leaseId === undefined ? undefined : picks?.next();
      if (leaseId === undefined || flow === undefined || next === undefined) return;
      const { stored, texts } = this.sound(next.number);
      if (
        texts === undefined ||
        stored?.task.state !== 'queued' ||
        this.commits.isBusy(stored.task.spec.id)
      ) {
        // Another write is ending this task's wait, and the index follows when that is durable. Or the task is damaged.
        flow.ready.delete(next, next.number);
        run.passOver -= 1;
        continue;
      }
      const existing = { number: next.number, head: stored.head };
      const expiry = tick(stored.task, now);
      if (expiry === undefined) {
        transaction.onAbandon(flow.serve(next, now.steady));
        claimed.push(this.lease({ task: stored.task, texts }, existing, { ...run, leaseId, now }));
      } else {
        transaction.onAbandon(() => {
          flow.ready.add(next, next.number);
        });
        flow.ready.delete(next, next.number);
        this.writer.putChange(transaction, expiry, existing);
        run.passOver -= 1;
      }
    }
  }

  private textsOf(number: TaskNumber, task: Task): Texts {
    return { payload: this.files.payloadOf(number), checkpoint: this.files.checkpointOf(number, task) };
  }

  /** A task and its texts. Empty when the task is missing or damaged, so that the claim continues with the others. */
  private sound(number: TaskNumber): { readonly stored?: StoredTask; readonly texts?: Texts } {
    const { quarantine } = this.files;
    const stored = quarantine.attempt(number, () => this.files.readStored(number));
    if (stored === undefined) return {};
    const { task } = stored;
    return { stored, texts: quarantine.attempt(number, () => this.textsOf(number, task), task.spec.id) };
  }

  private lease(
    { task, texts }: { readonly task: QueuedTask; readonly texts: Texts },
    existing: ExistingRecord,
    run: ClaimRun & { leaseId: string; now: Moment },
  ): ClaimedTask {
    const { number } = existing;
    const { workerId, claimId } = run.request.grant;
    const transition: Transition<ProcessingTask> = claim(
      task,
      { ...run.request.grant, leaseId: run.leaseId },
      run.now,
    );
    this.writer.putChange(run.transaction, transition, existing);
    if (claimId !== undefined) this.hold(claimKeyOf(workerId, claimId), number, run.transaction);
    return { task: transition.task, ...texts };
  }

  private hold(claimKey: string, number: TaskNumber, transaction: Transaction): void {
    this.index.hold(claimKey, number);
    transaction.onAbandon(() => {
      this.index.releaseClaim(claimKey, number);
    });
  }
}
