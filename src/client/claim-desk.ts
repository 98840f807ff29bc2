import type { HeldTask } from './answers.js';
import type { Claim } from './api.generated.js';
import type { Client } from './client.js';
import { type Milliseconds, steadyNow } from './steady-clock.js';

export interface ClaimDeskOptions {
  readonly client: Client;
  readonly claim: Pick<Claim, 'worker_id' | 'queues' | 'labels' | 'lease'>;
  /** Fires when the worker must claim no more tasks. */
  readonly signal: AbortSignal;
  readonly onError: (error: unknown) => void;
  /** Called when the service has answered. */
  readonly onAnswer: () => void;
  /** Called when the service asks this worker to claim no more tasks. */
  readonly onDrain: () => void;
}

export interface Claimed {
  readonly tasks: readonly HeldTask[];
  /** A moment before the leases began. */
  readonly since: Milliseconds;
}

const LAST_CALL_SECONDS = 5;
/** Number of remembered lease ids. A response that a proxy repeats starts no task twice. */
const KNOWN_LEASES = 10_000;

/** Claims tasks under a `claim_id` and repeats an unanswered claim under the same one, so that no task is lost. */
export class ClaimDesk {
  private readonly taken = new Set<string>();

  constructor(private readonly options: ClaimDeskOptions) {}

  /**
   * Repeats the claim until the service answers. Returns no tasks when the signal fires first.
   *
   * @throws InvalidRequest for a claim that the service always rejects
   */
  async claim(maxTasks: number, wait: number): Promise<Claimed> {
    const { client, signal, onError, onAnswer, onDrain } = this.options;
    const claim = { ...this.options.claim, max_tasks: maxTasks, wait, claim_id: crypto.randomUUID() };
    let repeats = 0;
    const onRetry = (error: unknown): void => {
      repeats += 1;
      onError(error);
    };
    let since = steadyNow();
    try {
      const limits = { signal, patience: Number.POSITIVE_INFINITY, isStubborn: true, onRetry };
      // A repeat does not wait, so that the worker soon knows that the service answers again.
      const repeated = { ...claim, wait: 0 };
      const { tasks, command } = await client.claimAnswer(claim, { ...limits, repeatBody: repeated });
      onAnswer();
      const claimed = tasks.filter((task) => this.isNew(task));
      const age = steadyNow() - since;
      // The leases may be old. Only a heartbeat shows how long they last.
      const isOld = repeats > 0 || claimed.some((task) => age > task.heartbeat_interval * 1000);
      if (isOld) since = steadyNow();
      const held = isOld && claimed.length > 0 ? await this.stillHeld(claimed, onRetry) : claimed;
      const isStopped = signal.aborted;
      // A draining worker still finishes the tasks of this answer.
      if (command === 'drain') onDrain();
      if (!isStopped) return { tasks: held, since };
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    await this.giveBack(claim);
    return { tasks: [], since };
  }

  private isNew({ lease_id: lease }: HeldTask): boolean {
    if (this.taken.has(lease)) return false;
    this.taken.add(lease);
    const [oldest] = this.taken;
    if (this.taken.size > KNOWN_LEASES && oldest !== undefined) this.taken.delete(oldest);
    return true;
  }

  private async stillHeld(
    claimed: readonly HeldTask[],
    onRetry: (error: unknown) => void,
  ): Promise<readonly HeldTask[]> {
    const { client, claim, signal } = this.options;
    const limits = { patience: Number.POSITIVE_INFINITY, isStubborn: true, signal, onRetry };
    const { results } = await client.heartbeatAll(claim.worker_id, claimed, limits);
    const kept = new Set(results.filter((item) => !('problem' in item)).map(({ index }) => index));
    return claimed.filter((_, index) => kept.has(index));
  }

  /** Releases the tasks of an aborted claim, if the service granted any. */
  private async giveBack(claim: Claim): Promise<void> {
    const { client, onError } = this.options;
    const limits = { patience: LAST_CALL_SECONDS, timeout: LAST_CALL_SECONDS };
    const given = { reason: 'The worker was stopped' };
    try {
      const claimed = await client.claim({ ...claim, wait: 0 }, limits);
      await Promise.all(claimed.map((task) => client.release(task, given, limits)));
    } catch (error) {
      // The leases expire on their own. A service that is shutting down rejects claims and has released the tasks.
      onError(error);
    }
  }
}
