import type { TaskStore } from '../storage/task-store.js';
import type { SettingsCache } from './settings-cache.js';

/** The rate is read again at least this often: the clock that it is measured by may have been set. */
const LONGEST_WAIT_MS = 60_000;

/** Knows which queues may hold back tasks that are ready, and says when one may hand out again. */
export class HoldWatch {
  /** One for each queue that waits for its rate. */
  private readonly timers = new Map<string, NodeJS.Timeout>();
  /** Queues whose rate is being read since a token was taken. `true`: another one was taken meanwhile. */
  private readonly following = new Map<string, boolean>();
  /** Counts the times that rates may have changed. */
  private epoch = 0;
  private isClosed = false;

  /** @param release is told a queue that may hand out a task again; must not throw */
  constructor(
    private readonly store: TaskStore,
    private readonly settings: SettingsCache,
    private readonly release: (queue: string) => void,
  ) {}

  /** Whether a task that leaves `processing` may make room in this queue. */
  hasSlots(queue: string): boolean {
    const { maxConcurrency, maxConcurrencyPerGroup } = this.settings.of(queue);
    return maxConcurrency !== undefined || maxConcurrencyPerGroup !== undefined;
  }

  /** Whether this queue hands out no faster than a rate. */
  hasRate(queue: string): boolean {
    return this.settings.of(queue).rateLimit !== undefined;
  }

  /** Whether the rate of the queue allows a claim now. When it does not, its next token releases the queue. */
  async isOpen(queue: string): Promise<boolean> {
    if (!this.hasRate(queue) || this.isClosed) return true;
    if (this.timers.has(queue)) return false;
    const { epoch } = this;
    const wait = await this.store.untilAllowed(queue).catch(() => undefined);
    if (epoch !== this.epoch) return this.isOpen(queue);
    // While the store is unavailable nothing can be known; waiters ask again when it is back.
    if (wait === undefined) return true;
    if (wait === 0) return true;
    if (!this.timers.has(queue)) this.arm(queue, wait);
    return false;
  }

  /**
   * A token of the queue was taken, by whichever process: there may be another one. Every claim that fails for want of
   * a token is preceded by such a move, so a waiter that found nothing need not ask more than once more.
   */
  noteTaken(queue: string): void {
    if (this.following.has(queue)) this.following.set(queue, true);
    else if (!this.timers.has(queue)) void this.follow(queue);
  }

  /** The rate of this queue, or of any, may have changed: what is known of its next token is void. */
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
