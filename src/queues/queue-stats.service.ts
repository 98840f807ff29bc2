import { Injectable } from '@nestjs/common';
import { type QueueCounts, TaskStore } from '../storage/task-store.js';
import type { Seconds } from '../task/clock.js';

export interface QueueStats {
  readonly ready: number;
  readonly leased: number;
  readonly delayed: number;
  readonly backlog: number;
  readonly oldest_ready_age_seconds: Seconds | null;
}

export interface KnownQueue {
  readonly queue: string;
  readonly stats: QueueStats;
}

/** Looks at queues. */
@Injectable()
export class QueueStatsService {
  constructor(private readonly store: TaskStore) {}

  /** Every queue that has tasks, by name. */
  async list(): Promise<readonly KnownQueue[]> {
    const queues = (await this.store.counts()).map((each) => ({
      queue: each.queue,
      stats: this.statsOf(each),
    }));
    return queues.toSorted((one, other) => (one.queue < other.queue ? -1 : 1));
  }

  /** A queue is there for whoever asks: it is created by use. */
  async stats(queue: string): Promise<QueueStats> {
    return this.statsOf((await this.store.counts()).find((each) => each.queue === queue));
  }

  private statsOf(counted: QueueCounts | undefined): QueueStats {
    const { queued: ready = 0, processing: leased = 0, delayed = 0 } = counted?.counts ?? {};
    const since = counted?.oldestQueuedAt;
    const age = since === undefined ? null : Math.max(this.store.clock.now().wall - since, 0) / 1000;
    return { ready, leased, delayed, backlog: ready + leased, oldest_ready_age_seconds: age };
  }
}
