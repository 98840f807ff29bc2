import type { TaskStore } from '../storage/task-store.js';
import type { SettingsCache } from './settings-cache.js';

/** Knows which queues may hold back tasks that are ready, and says when one may hand out again. */
export class HoldWatch {
  /** One for each queue that waits for its rate. */
  private readonly timers = new Map<string, NodeJS.Timeout>();
  /** Queues that were asked once more, since their rate allowed it when it was looked at. */
  private readonly asked = new Set<string>();
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

  /** Sees to it that a queue whose rate is used up is released with its next token. */
  watchRate(queue: string, hasTaken: boolean): void {
    if (this.settings.of(queue).rateLimit === undefined || this.timers.has(queue)) return;
    void this.arm(queue, hasTaken);
  }

  close(): void {
    this.isClosed = true;
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  private async arm(queue: string, hasTaken: boolean): Promise<void> {
    const wait = await this.store.untilAllowed(queue).catch(() => undefined);
    if (wait === undefined || this.isClosed || this.timers.has(queue)) return;
    if (wait > 0) {
      this.asked.delete(queue);
      const timer = setTimeout(() => {
        this.timers.delete(queue);
        this.release(queue);
      }, Math.ceil(wait));
      this.timers.set(queue, timer);
      return;
    }
    // It may have come to allow it just now. Whoever finds nothing then, too, finds nothing ready.
    if (!hasTaken && this.asked.delete(queue)) return;
    if (!hasTaken) this.asked.add(queue);
    this.release(queue);
  }
}
