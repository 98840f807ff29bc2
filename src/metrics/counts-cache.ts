import { Injectable } from '@nestjs/common';
import { stopwatch } from '../http/stopwatch.js';
import { TaskStore } from '../storage/task-store.js';
import type { QueueCounts } from '../storage/task-views.js';

const FRESH_MS = 1_000;

/** The counts of the store, at most a second old, so that any number of readers cause one read per second. */
@Injectable()
export class CountsCache {
  private counts: Promise<readonly QueueCounts[]> | undefined;
  private askedAt = -Infinity;

  constructor(private readonly store: TaskStore) {}

  /** Empty during an outage. */
  read(): Promise<readonly QueueCounts[]> {
    const now = stopwatch();
    if (this.counts !== undefined && now - this.askedAt < FRESH_MS) return this.counts;
    this.askedAt = now;
    this.counts = this.store.isAvailable ? this.store.views.counts().catch(() => []) : Promise.resolve([]);
    return this.counts;
  }
}
