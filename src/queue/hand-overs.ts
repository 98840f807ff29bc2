import type { ClaimedTask } from '../storage/task-store.js';
import type { ProcessingTask } from '../task/task.js';
import type { Caller } from './caller.js';

/** A lease whose response is not written yet. */
interface HandOver {
  /** The task as the claim wrote it. */
  readonly task: ProcessingTask;
  /** Calls with this lease whose response is neither written nor lost. */
  carriers: number;
  /** Whether one of the responses was written. */
  isDelivered: boolean;
  /** Settles when the lease was given back, or could not be. */
  returning?: Promise<void>;
  /** Whether `returning` has settled. */
  isOver?: boolean;
}

/**
 * Tracks leases of this process until a response delivers them. Calls with one `claim_id` can share a lease. It is
 * given back only after each of them has lost its response. A call that asks for it meanwhile waits until then.
 */
export class HandOvers {
  private readonly inProgress = new Map<string, HandOver>();
  /** Lease ids of claims that the store has not answered. A repeated call may get such a lease first. */
  private readonly expected = new Set<string>();

  /** @param giveBack returns tasks that are unchanged since the claim; must not reject */
  constructor(private readonly giveBack: (tasks: readonly ProcessingTask[]) => Promise<void>) {}

  /**
   * Announces lease ids before the store is asked for them with a `claim_id`.
   *
   * @returns a function to call once the claim has failed, or its answer is registered with `carry`
   */
  expect(leaseIds: readonly string[]): () => void {
    for (const id of leaseIds) this.expected.add(id);
    return () => {
      for (const id of leaseIds) {
        this.expected.delete(id);
        this.forgetSettled(id);
      }
    };
  }

  /** The promise to wait for if some of these leases are being given back. */
  returning(claimed: readonly ClaimedTask[]): Promise<unknown> | undefined {
    const returns = claimed.flatMap(({ task }) => this.inProgress.get(task.lease.id)?.returning ?? []);
    return returns.length === 0 ? undefined : Promise.all(returns);
  }

  /** Whether this process took the lease, and has not settled every call that may get it. */
  has({ task }: ClaimedTask): boolean {
    return this.inProgress.has(task.lease.id) || this.expected.has(task.lease.id);
  }

  /**
   * Registers a response with these tasks.
   *
   * @returns a function to call if the response is sent without them
   */
  carry(claimed: readonly ClaimedTask[], taken: readonly string[], caller: Caller): () => void {
    const carried = claimed.flatMap(({ task }) => {
      const known = this.inProgress.get(task.lease.id);
      // Leases that were delivered before, or belong to another process, are not given back here.
      const isTaken = taken.includes(task.lease.id) || this.expected.has(task.lease.id);
      if (known === undefined && !isTaken) return [];
      const handOver = known ?? { task, carriers: 0, isDelivered: false };
      handOver.carriers += 1;
      this.inProgress.set(task.lease.id, handOver);
      return [handOver];
    });
    let isSettled = carried.length === 0;
    const settle = (isWhole: boolean) => {
      if (isSettled) return;
      isSettled = true;
      this.settle(carried, isWhole);
    };
    if (!isSettled) caller.onAnswered(settle);
    return () => settle(false);
  }

  private settle(carried: readonly HandOver[], isWhole: boolean): void {
    for (const handOver of carried) {
      handOver.carriers -= 1;
      handOver.isDelivered ||= isWhole;
    }
    const settled = carried.filter(({ carriers }) => carriers === 0);
    const lost = settled.filter(({ isDelivered }) => !isDelivered);
    for (const { task } of settled) this.forgetSettled(task.lease.id);
    if (lost.length === 0) return;
    const returning = this.giveBack(lost.map(({ task }) => task)).finally(() => {
      for (const handOver of lost) {
        handOver.isOver = true;
        this.forgetSettled(handOver.task.lease.id);
      }
    });
    for (const handOver of lost) handOver.returning = returning;
  }

  /** Drops a lease that was delivered or given back, unless a claim may still be answered with it. */
  private forgetSettled(leaseId: string): void {
    const handOver = this.inProgress.get(leaseId);
    if (handOver === undefined || handOver.carriers > 0 || this.expected.has(leaseId)) return;
    if (handOver.isDelivered || handOver.isOver) this.inProgress.delete(leaseId);
  }
}
