import type { Claim, ClaimedTask } from './api.generated.js';
import type { Client } from './client.js';

export interface ClaimDeskOptions {
  readonly client: Client;
  readonly claim: Pick<Claim, 'worker_id' | 'queues' | 'labels' | 'lease'>;
  /** Fires when nothing more is to be claimed. */
  readonly signal: AbortSignal;
  readonly onError: (error: unknown) => void;
  /** The service wants this worker to take no more. */
  readonly onDrain: () => void;
}

const LAST_CALL_SECONDS = 5;

/** Claims, and loses no task when an answer is lost: each claim has a name and is asked for again under it. */
export class ClaimDesk {
  constructor(private readonly options: ClaimDeskOptions) {}

  /**
   * Tries until there is an answer; nothing when the signal fires meanwhile.
   *
   * @throws ApiError when the service refuses for good
   */
  async claim(maxTasks: number, wait: number): Promise<readonly ClaimedTask[]> {
    const { client, signal, onError, onDrain } = this.options;
    const claim = { ...this.options.claim, max_tasks: maxTasks, wait, claim_id: crypto.randomUUID() };
    let repeats = 0;
    const onRetry = (error: unknown): void => {
      repeats += 1;
      onError(error);
    };
    try {
      const limits = { signal, patience: Number.POSITIVE_INFINITY, onRetry };
      const { tasks: claimed, command } = await client.claimAnswer(claim, limits);
      // Leased a while ago, maybe: how long they still are, only a heartbeat can tell.
      const held = repeats > 0 && claimed.length > 0 ? await this.stillHeld(claimed) : claimed;
      const isStopped = signal.aborted;
      // Who is to drain finishes what it was given along with that.
      if (command === 'drain') onDrain();
      if (!isStopped) return held;
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    await this.giveBack(claim);
    return [];
  }

  private async stillHeld(claimed: readonly ClaimedTask[]): Promise<readonly ClaimedTask[]> {
    const { client, claim, signal } = this.options;
    const limits = { patience: Number.POSITIVE_INFINITY, signal };
    const { results } = await client.heartbeatAll(claim.worker_id, claimed, limits);
    const kept = new Set(results.filter((item) => !('problem' in item)).map(({ index }) => index));
    return claimed.filter((_, index) => kept.has(index));
  }

  /** A claim was broken off: if it took tasks after all, they go back. */
  private async giveBack(claim: Claim): Promise<void> {
    const { client, onError } = this.options;
    const limits = { patience: LAST_CALL_SECONDS, timeout: LAST_CALL_SECONDS };
    const given = { reason: 'The worker was stopped' };
    try {
      const claimed = await client.claim({ ...claim, wait: 0 }, limits);
      await Promise.all(claimed.map((task) => client.release(task, given, limits)));
    } catch (error) {
      // Their leases end by themselves. A service that shuts down answers no claim, and has given them back.
      onError(error);
    }
  }
}
