import type { TaskStore } from '../storage/task-store.js';
import { hasOutage } from '../task/queue-settings.js';
import type { SettingsCache } from './settings-cache.js';

/** Milliseconds. The rate is read again at least this often, because the clock may have been set. */
const LONGEST_WAIT_MS = 60_000;

/** Tracks queues whose limits hold back ready tasks, and reports when a claim is possible again. */
export class LimitedQueues {
  /** One for each queue that waits for its rate. */
  private readonly timers = new Map<string, NodeJS.Timeout>();
  /** Queues whose rate is being read after a claim. `true`: another claim followed. */
  private readonly following = new Map<string, boolean>();
  /** Incremented whenever rates may have changed. */
  private epoch = 0;
  private isClosed = false;

  /** @param release receives a queue that may allow claims again; must not throw */
  constructor(
    private readonly store: TaskStore,
    private readonly settings: SettingsCache,
    private readonly release: (queue: string) => void,
  ) {}

  /** Whether the queue has a concurrency limit, so that a task leaving `processing` can make room. */
  hasSlots(queue: string): boolean {
    const { maxConcurrency, maxConcurrencyPerGroup } = this.settings.of(queue);
    return maxConcurrency !== undefined || maxConcurrencyPerGroup !== undefined;
  }

  /** Whether the queue has a rate limit, or the probes of an outage. */
  hasRate(queue: string): boolean {
    const settings = this.settings.of(queue);
    return settings.rateLimit !== undefined || hasOutage(settings);
  }

  /** Whether the rate of the queue allows a claim now. Otherwise its next token releases the queue. */
  async isOpen(queue: string): Promise<boolean> {
    if (!this.hasRate(queue) || this.isClosed) return true;
    if (this.timers.has(queue)) return false;
    const { epoch } = this;
    const wait = await this.store.settings.untilAllowed(queue).catch(() => undefined);
    if (epoch !== this.epoch) return this.isOpen(queue);
    // Unknown during an outage; waiters claim again after it.
    if (wait === undefined) return true;
    if (wait === 0) return true;
    if (!this.timers.has(queue)) this.arm(queue, wait);
    return false;
  }

  /**
   * A process took a token of the queue, and another token may be left. This is reported after every such claim, so a
   * waiter without a result needs at most one more claim.
   */
  noteTaken(queue: string): void {
    if (this.following.has(queue)) this.following.set(queue, true);
    else if (!this.timers.has(queue)) void this.follow(queue);
  }

  /** Discards the known next token of this queue, or of all, because rates may have changed. */
  forget(queue: string | undefined): void {
    this.epoch += 1;
    for (const name of queue === undefined ? [...this.timers.keys()] : [queue]) {
      clearTimeout(this.timers.get(name));
      this.timers.delete(name);
    }
  }

  close(): void {
    this.isClosed = true;
    this.forget(undefined);
  }

  private async follow(queue: string): Promise<void> {
    let isOpen: boolean;
    do {
      this.following.set(queue, false);
      isOpen = await this.isOpen(queue);
    } while (this.following.get(queue) === true && !this.isClosed);
    this.following.delete(queue);
    if (isOpen && !this.isClosed) this.release(queue);
  }

  private arm(queue: string, wait: number): void {
    const timer = setTimeout(
      () => {
        this.timers.delete(queue);
        this.release(queue);
      },
      Math.min(Math.ceil(wait), LONGEST_WAIT_MS),
    );
    this.timers.set(queue, timer);
  }
}
