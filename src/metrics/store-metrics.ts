import { Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { type QueueCounts, TaskStore } from '../storage/task-store.js';
import { TASK_STATES } from '../task/task-state.js';
import { CountsCache } from './counts-cache.js';
import { MetricsRegistry } from './metrics-registry.js';
import { QueueLabels } from './queue-labels.js';
import { SeriesHistogram } from './series-histogram.js';
import { TaskMetrics } from './task-metrics.js';
import { timeWrites } from './store-timer.js';

/** Seconds: an embedded commit takes about one millisecond, a write during an outage its timeout. */
const WRITE_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Metrics of the store content, read on each scrape, and of the duration of its writes. */
@Injectable()
export class StoreMetrics {
  private readonly tasks: Gauge;
  private readonly oldest: Gauge;
  private readonly paused: Gauge;

  constructor(
    private readonly registry: MetricsRegistry,
    private readonly labels: QueueLabels,
    private readonly counts: CountsCache,
    private readonly store: TaskStore,
    private readonly taskMetrics: TaskMetrics,
  ) {
    const registers = [registry];
    this.tasks = new Gauge({
      name: 'crucible_tasks',
      help: 'Tasks in the store',
      labelNames: ['queue', 'state'],
      registers,
      collect: () => this.readCounts(),
    });
    this.oldest = new Gauge({
      name: 'crucible_oldest_ready_age_seconds',
      help: 'How long the oldest queued task has been ready; 0 if none is queued',
      labelNames: ['queue'],
      registers,
      collect: () => this.readAges(),
    });
    this.paused = new Gauge({
      name: 'crucible_queue_paused',
      help: '1 while an operator has paused the queue, else 0',
      labelNames: ['queue'],
      registers,
      collect: () => this.readPauses(),
    });
    this.showAvailability();
  }

  /** Measures the writes of the store from now on. */
  timeWrites(): void {
    const writes = new SeriesHistogram({
      name: 'crucible_store_write_seconds',
      help: 'From a write to its acknowledgement by the store',
      labelNames: ['operation'],
      buckets: WRITE_BUCKETS,
      registers: [this.registry],
    });
    timeWrites(this.store, (operation, milliseconds) => {
      writes.series(operation).observe(milliseconds / 1000);
    });
  }

  private showAvailability(): void {
    const { store } = this;
    new Gauge({
      name: 'crucible_store_available',
      help: '1 while the store accepts writes, else 0',
      registers: [this.registry],
      collect() {
        this.set(store.isAvailable ? 1 : 0);
      },
    });
    new Gauge({
      name: 'crucible_store_subscribed',
      help: '1 while the process receives the transitions of other processes, else 0',
      registers: [this.registry],
      collect() {
        this.set(store.hearsOthers ? 1 : 0);
      },
    });
  }

  private async readCounts(): Promise<void> {
    const all = await this.counts.read();
    this.tasks.reset();
    for (const { queue, counts } of all) {
      const label = this.labels.of(queue);
      // This process has seen no claims of a queue that an earlier process filled.
      this.taskMetrics.introduce(label);
      for (const state of TASK_STATES) this.tasks.inc({ queue: label, state }, counts[state]);
    }
  }

  private async readPauses(): Promise<void> {
    const { store } = this;
    const [all, configured] = await Promise.all([
      this.counts.read(),
      store.isAvailable ? store.configured().catch(() => []) : [],
    ]);
    const paused = new Set(configured.filter(({ settings }) => settings.paused).map(({ queue }) => queue));
    const names = new Set([...all.map(({ queue }) => queue), ...paused]);
    this.paused.reset();
    const pauses = Array.from(names, (queue): Pause => ({
      label: this.labels.of(queue),
      isPaused: paused.has(queue),
    }));
    // Running queues last: queues that share a label count as paused only if all of them are.
    for (const { label: queue, isPaused } of pauses.toSorted((a, b) => +b.isPaused - +a.isPaused))
      this.paused.set({ queue }, isPaused ? 1 : 0);
  }

  private async readAges(): Promise<void> {
    const all = await this.counts.read();
    const now = this.store.clock.now().wall;
    this.oldest.reset();
    // Oldest last, so that a shared label keeps the greatest age.
    for (const { queue, oldestQueuedAt } of all.toSorted(youngestFirst)) {
      const age = oldestQueuedAt === undefined ? 0 : Math.max(now - oldestQueuedAt, 0) / 1000;
      this.oldest.set({ queue: this.labels.of(queue) }, age);
    }
  }
}

interface Pause {
  readonly label: string;
  readonly isPaused: boolean;
}

function youngestFirst(a: QueueCounts, b: QueueCounts): number {
  return (b.oldestQueuedAt ?? Infinity) - (a.oldestQueuedAt ?? Infinity) || 0;
}
