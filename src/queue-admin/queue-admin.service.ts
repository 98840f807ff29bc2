import { Injectable } from '@nestjs/common';
import { SettingsCache } from '../queue/settings-cache.js';
import { type QueueCounts, TaskStore } from '../storage/task-store.js';
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

/** Reads queues and changes their settings. */
@Injectable()
export class QueueAdminService {
  constructor(
    private readonly store: TaskStore,
    private readonly cache: SettingsCache,
  ) {}

  /** All queues with tasks or settings, by name. */
  async list(): Promise<readonly KnownQueue[]> {
    const [counts, configured] = await Promise.all([this.store.counts(), this.store.configured()]);
    const settings = new Map(configured.map((each) => [each.queue, each.settings]));
    const counted = new Map(counts.map((each) => [each.queue, each]));
    return [...new Set([...settings.keys(), ...counted.keys()])].toSorted().map((queue) => ({
      queue,
      settings: settings.get(queue) ?? {},
      stats: this.statsOf(counted.get(queue)),
    }));
  }

  /** Never fails: a queue exists as soon as a client names it. */
  async find(queue: string): Promise<KnownQueue> {
    const [settings, stats] = await Promise.all([this.store.settingsOf(queue), this.stats(queue)]);
    return { queue, settings, stats };
  }

  async stats(queue: string): Promise<QueueStats> {
    return this.statsOf(await this.store.countQueue(queue));
  }

  async change(queue: string, change: QueueSettingsChange): Promise<KnownQueue> {
    const settings = await this.store.configure(queue, change);
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
