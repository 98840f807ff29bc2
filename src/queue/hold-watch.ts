import type { TaskStore } from '../storage/task-store.js';
import type { QueueSettings } from '../task/queue-settings.js';

/** What a queue is known to limit. */
interface Limits {
  readonly hasSlots: boolean;
  readonly hasRate: boolean;
}

const NONE: Limits = { hasSlots: false, hasRate: false };

/**
 * Knows which queues may hold back tasks that are ready, and says when one may hand out again. What it knows is read
 * once, before the first claim that could be refused, and again when it was told that it may have changed; so a queue
 * without limits costs nothing, and no release of a held queue is missed.
 */
export class HoldWatch {
  private readonly known = new Map<string, Promise<Limits> | Limits>();
  /** One for each queue that waits for its rate. */
  private readonly timers = new Map<string, NodeJS.Timeout>();
  /** Queues that were asked once more, since their rate allowed it when it was looked at. */
  private readonly asked = new Set<string>();

  /** @param release is told a queue that may hand out a task again; must not throw */
  constructor(
    private readonly store: TaskStore,
    private readonly release: (queue: string) => void,
  ) {}

  /** Reads what is not known of these queues; `undefined` when all is. */
  learn(queues: readonly string[]): Promise<unknown> | undefined {
    const unknown = queues.map((queue) => this.limitsOf(queue)).filter((limits) => limits instanceof Promise);
    return unknown.length === 0 ? undefined : Promise.all(unknown);
  }

  /** What is known may have changed. */
  forget(queue?: string): void {
    if (queue === undefined) this.known.clear();
    else this.known.delete(queue);
  }

  /** Whether a task that leaves `processing` may make room in this queue. */
  hasSlots(queue: string): boolean {
    const limits = this.known.get(queue);
    return limits !== undefined && !(limits instanceof Promise) && limits.hasSlots;
  }

  /** Sees to it that a queue whose rate is used up is released with its next token. */
  watchRate(queue: string, hasTaken: boolean): void {
    const limits = this.known.get(queue);
    if (limits === undefined || limits instanceof Promise || !limits.hasRate || this.timers.has(queue))
      return;
    void this.arm(queue, hasTaken);
  }

  close(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  private limitsOf(queue: string): Promise<Limits> | Limits {
    const known = this.known.get(queue);
    if (known !== undefined) return known;
    const reading: Promise<Limits> = this.store.settingsOf(queue).then(
      (settings) => {
        const limits = limitsIn(settings);
        // Unless it was told to forget meanwhile.
        if (this.known.get(queue) === reading) this.known.set(queue, limits);
        return limits;
      },
      () => {
        if (this.known.get(queue) === reading) this.known.delete(queue);
        // The claim that follows says what is wrong.
        return NONE;
      },
    );
    this.known.set(queue, reading);
    return reading;
  }

  private async arm(queue: string, hasTaken: boolean): Promise<void> {
    const wait = await this.store.untilAllowed(queue).catch(() => undefined);
    if (wait === undefined || this.timers.has(queue)) return;
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

function limitsIn(settings: QueueSettings): Limits {
  const { maxConcurrency, maxConcurrencyPerGroup, rateLimit } = settings;
  return {
    hasSlots: maxConcurrency !== undefined || maxConcurrencyPerGroup !== undefined,
    hasRate: rateLimit !== undefined,
  };
}
