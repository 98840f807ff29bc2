import { Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { turns } from '../http/turns.js';
import { WorkerActivity } from '../queue/worker-activity.js';
import { TaskStore } from '../storage/task-store.js';
import type { Seconds } from '../task/clock.js';
import { hasOutage } from '../task/queue-settings.js';
import { TASK_STATES, type TaskState } from '../task/task-state.js';
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
  private readonly outages: Gauge;

  constructor(
    private readonly registry: MetricsRegistry,
    private readonly labels: QueueLabels,
    private readonly counts: CountsCache,
    private readonly store: TaskStore,
    private readonly taskMetrics: TaskMetrics,
    private readonly workers: WorkerActivity,
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
    this.outages = new Gauge({
      name: 'crucible_queue_outage',
      help: '1 while the queue is in an outage, else 0',
      labelNames: ['queue'],
      registers,
      collect: () => this.readOutages(),
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
    const { store, workers } = this;
    new Gauge({
      name: 'crucible_workers_quarantined',
      help: 'Workers that the service has quarantined',
      registers: [this.registry],
      collect() {
        this.set(workers.countQuarantined());
      },
    });
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
        this.set(store.receivesEveryProcess ? 1 : 0);
      },
    });
  }

  private async readCounts(): Promise<void> {
    const sums = new Map<string, Record<TaskState, number>>();
    await turns.inPieces(await this.counts.read(), (part) => {
      for (const { queue, counts } of part) {
        const label = this.labels.of(queue);
        const sum = sums.get(label);
        if (sum === undefined) sums.set(label, { ...counts });
        else for (const state of TASK_STATES) sum[state] += counts[state];
      }
    });
    this.tasks.reset();
    for (const [queue, sum] of sums) {
      // This process has seen no claims of a queue that an earlier process filled.
      this.taskMetrics.introduce(queue);
      for (const state of TASK_STATES) this.tasks.set({ queue, state }, sum[state]);
    }
  }

  private async readPauses(): Promise<void> {
    const { store } = this;
    const [all, configured] = await Promise.all([
      this.counts.read(),
      store.isAvailable ? store.settings.all().catch(() => []) : [],
    ]);
    const paused = new Set<string>();
    // Queues that share a label count as paused only if all of them are.
    const pauses = new Map<string, boolean>();
    const note = (queue: string, isPaused: boolean) => {
      const label = this.labels.of(queue);
      pauses.set(label, (pauses.get(label) ?? true) && isPaused);
    };
    await turns.inPieces(configured, (part) => {
      for (const { queue, settings } of part) if (settings.paused) paused.add(queue);
    });
    await turns.inPieces(all, (part) => {
      for (const { queue } of part) note(queue, paused.has(queue));
    });
    for (const queue of paused) note(queue, true);
    this.paused.reset();
    for (const [queue, isPaused] of pauses) this.paused.set({ queue }, isPaused ? 1 : 0);
  }

  private async readOutages(): Promise<void> {
    const { store } = this;
    const [all, configured] = await Promise.all([
      this.counts.read(),
      store.isAvailable ? store.settings.all().catch(() => []) : [],
    ]);
    // Queues that share a label count as in an outage if one of them is.
    const outages = new Map<string, boolean>();
    await turns.inPieces(all, (part) => {
      for (const { queue } of part) outages.set(this.labels.of(queue), false);
    });
    await turns.inPieces(configured, (part) => {
      for (const { queue, settings } of part)
        if (hasOutage(settings)) outages.set(this.labels.of(queue), true);
    });
    this.outages.reset();
    for (const [queue, isOutage] of outages) this.outages.set({ queue }, isOutage ? 1 : 0);
  }

  private async readAges(): Promise<void> {
    const now = this.store.clock.now().wall;
    // A shared label has the greatest age.
    const ages = new Map<string, Seconds>();
    await turns.inPieces(await this.counts.read(), (part) => {
      for (const { queue, oldestQueuedAt } of part) {
        const label = this.labels.of(queue);
        const age = oldestQueuedAt === undefined ? 0 : Math.max(now - oldestQueuedAt, 0) / 1000;
        ages.set(label, Math.max(ages.get(label) ?? 0, age));
      }
    });
    this.oldest.reset();
    for (const [queue, age] of ages) this.oldest.set({ queue }, age);
  }
}
