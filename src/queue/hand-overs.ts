import type { ClaimedTask } from '../storage/task-store.js';
import type { ProcessingTask } from '../task/task.js';
import type { Caller } from './caller.js';

/** A lease on its way to the callers that are answered with it. */
interface HandOver {
  /** As the claim wrote it. */
  readonly task: ProcessingTask;
  /** Calls that are answered with it, and have neither got their answer nor lost it. */
  carriers: number;
  /** One of them has got it. */
  isDelivered: boolean;
  /** Settles when the lease was given back, as far as that is possible. */
  returning?: Promise<void>;
}

/**
 * Leases that this process has taken and not delivered yet. Several calls may be answered with one lease, by their
 * `claim_id`: it is given back only when each of them has lost its answer, and whoever asks for it meanwhile waits for
 * the end of that.
 */
export class HandOvers {
  private readonly underWay = new Map<string, HandOver>();

  /** @param giveBack gives back tasks that are still as the claim wrote them; must not reject */
  constructor(private readonly giveBack: (tasks: readonly ProcessingTask[]) => Promise<void>) {}

  /** What to wait for when some of these are being given back. */
  returning(claimed: readonly ClaimedTask[]): Promise<unknown> | undefined {
    const returns = claimed.flatMap(({ task }) => this.underWay.get(task.lease.id)?.returning ?? []);
    return returns.length === 0 ? undefined : Promise.all(returns);
  }

  /** Whether this process has taken the lease, and some call is still to be answered with it. */
  has({ task }: ClaimedTask): boolean {
    return this.underWay.has(task.lease.id);
  }

  /**
   * Lets a caller be answered with these.
   *
   * @returns what to call when its answer is sent without them
   */
  carry(claimed: readonly ClaimedTask[], taken: readonly string[], caller: Caller): () => void {
    const carried = claimed.flatMap(({ task }) => {
      const known = this.underWay.get(task.lease.id);
      // What was taken before, and was delivered or belongs to another process, is not ours to give back.
      if (known === undefined && !taken.includes(task.lease.id)) return [];
      const handOver = known ?? { task, carriers: 0, isDelivered: false };
      handOver.carriers += 1;
      this.underWay.set(task.lease.id, handOver);
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
    for (const { task, isDelivered } of settled) if (isDelivered) this.underWay.delete(task.lease.id);
    if (lost.length === 0) return;
    const returning = this.giveBack(lost.map(({ task }) => task)).finally(() => {
      for (const { task } of lost) this.underWay.delete(task.lease.id);
    });
    for (const handOver of lost) handOver.returning = returning;
  }
}
