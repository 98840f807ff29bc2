import { Injectable } from '@nestjs/common';
import { turns } from '../http/turns.js';
import { SettingsCache } from '../queue/settings-cache.js';
import { TaskStore } from '../storage/task-store.js';
import type { QueueCounts } from '../storage/task-views.js';
import type { Seconds } from '../task/clock.js';
import type { QueueSettings, QueueSettingsChange } from '../task/queue-settings.js';

export interface QueueStats {
  readonly ready: number;
  readonly leased: number;
  readonly delayed: number;
  readonly backlog: number;
  readonly oldest_ready_age_seconds: Seconds | null;
}

export interface KnownQueue {
  readonly queue: string;
  readonly settings: QueueSettings;
  readonly stats: QueueStats;
}

export interface CountedQueue extends KnownQueue {
  /** Absent if the queue has no tasks. */
  readonly counted: QueueCounts | undefined;
}

/** Reads queues and changes their settings. */
@Injectable()
export class QueueAdminService {
  constructor(
    private readonly store: TaskStore,
    private readonly cache: SettingsCache,
  ) {}

  /** All visible queues with tasks or settings, by name. Any number of them is handled in parts. */
  async list(isVisible: (queue: string) => boolean): Promise<readonly CountedQueue[]> {
    const [counts, configured] = await Promise.all([this.store.views.counts(), this.store.settings.all()]);
    const known = new Map<string, { settings?: QueueSettings; counted?: QueueCounts }>();
    await turns.inPieces(counts, (part) => {
      for (const counted of part) if (isVisible(counted.queue)) known.set(counted.queue, { counted });
    });
    await turns.inPieces(configured, (part) => {
      for (const { queue, settings } of part)
        if (isVisible(queue)) known.set(queue, { settings, counted: known.get(queue)?.counted });
    });
    const queues: CountedQueue[] = [];
    await turns.inPieces(await turns.sorted([...known.keys()]), (part) => {
      for (const queue of part) {
        const { settings = {}, counted } = known.get(queue) ?? {};
        queues.push({ queue, settings, counted, stats: this.statsOf(counted) });
      }
    });
    return queues;
  }

  /** Never fails: a queue exists as soon as a client names it. */
  async find(queue: string): Promise<KnownQueue> {
    const [settings, stats] = await Promise.all([this.store.settings.of(queue), this.stats(queue)]);
    return { queue, settings, stats };
  }

  async stats(queue: string): Promise<QueueStats> {
    return this.statsOf(await this.store.views.countQueue(queue));
  }

  async change(queue: string, change: QueueSettingsChange): Promise<KnownQueue> {
    const settings = await this.store.settings.change(queue, change);
    await this.cache.refresh();
    return { queue, settings, stats: await this.stats(queue) };
  }

  private statsOf(counted: QueueCounts | undefined): QueueStats {
    const { queued: ready = 0, processing: leased = 0, delayed = 0 } = counted?.counts ?? {};
    const since = counted?.oldestQueuedAt;
    const age = since === undefined ? null : Math.max(this.store.clock.now().wall - since, 0) / 1000;
    return { ready, leased, delayed, backlog: ready + leased, oldest_ready_age_seconds: age };
  }
}
