import { Injectable } from '@nestjs/common';
import { Counter } from 'prom-client';
import type { CommittedTransition } from '../storage/transitions.js';
import { type Attempt, type Task, isFinished, finalOutcomeOf, type FinalOutcome } from '../task/task.js';
import { MetricsRegistry } from './metrics-registry.js';
import { CauseLabels } from './cause-labels.js';
import { QueueLabels } from './queue-labels.js';
import { SeriesHistogram } from './series-histogram.js';

/** Seconds, from a claim by a parked poll to a night in the queue. */
const WAIT_BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200, 43_200];
/** Seconds, from an evaluation that does nothing to one that runs for hours. */
const RUN_BUCKETS = [0.01, 0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600, 14_400];

const OUTCOMES: readonly FinalOutcome[] = [
  ...(['completed', 'failed', 'lost', 'deadline'] as const),
  ...(['cancelled', 'expired'] as const),
];
const REASONS = ['retry', 'lost', 'released'] as const;

type Reason = (typeof REASONS)[number];

/** Counts the transitions of this process, from the feed of the store. */
@Injectable()
export class TaskMetrics {
  private readonly causeLabels = new CauseLabels();
  private readonly seen = new Set<string>();
  private readonly enqueued: Counter;
  private readonly finished: Counter;
  private readonly redeliveries: Counter;
  private readonly reprioritized: Counter;
  private readonly leaseLosses: Counter;
  private readonly causes: Counter;
  private readonly wait: SeriesHistogram;
  private readonly run: SeriesHistogram;

  constructor(
    registry: MetricsRegistry,
    private readonly labels: QueueLabels,
  ) {
    const own = (name: string, help: string, ...more: readonly string[]) => ({
      name: `crucible_${name}`,
      help,
      labelNames: ['queue', ...more],
      registers: [registry],
    });
    this.enqueued = new Counter(own('tasks_enqueued_total', 'Tasks enqueued by this process'));
    this.finished = new Counter(own('tasks_finished_total', 'Tasks ended by this process', 'outcome'));
    this.redeliveries = new Counter(
      own('task_redeliveries_total', 'Tasks that this process returned to the queue', 'reason'),
    );
    this.reprioritized = new Counter(
      own('tasks_reprioritized_total', 'Waiting tasks whose priority this process changed'),
    );
    this.leaseLosses = new Counter(own('lease_losses_total', 'Lost attempts'));
    // Without the queue: queues times causes would be too many series.
    this.causes = new Counter({
      ...own('attempt_causes_total', 'Attempts that ended with a cause'),
      labelNames: ['cause', 'outcome'],
    });
    this.wait = new SeriesHistogram({
      ...own('task_wait_seconds', 'From ready to claimed'),
      buckets: WAIT_BUCKETS,
    });
    this.run = new SeriesHistogram({
      ...own('task_run_seconds', 'From claimed to the end of the attempt', 'outcome'),
      buckets: RUN_BUCKETS,
    });
  }

  record({ task, type, ended }: CommittedTransition): void {
    const queue = this.labels.of(task.spec.queue);
    this.introduce(queue);
    if (task.sequence === 1) this.enqueued.inc({ queue });
    if (task.state === 'processing' && type === 'processing') this.wait.series(queue).observe(waitOf(task));
    if (ended !== undefined) this.recordAttempt(queue, ended);
    const reason = reasonOf(type);
    if (type === 'reprioritized') this.reprioritized.inc({ queue });
    if (reason !== undefined) this.redeliveries.inc({ queue, reason });
    if (isFinished(task)) this.finished.inc({ queue, outcome: finalOutcomeOf(task) });
  }

  /**
   * Starts the counters of a queue at zero, so that rates include the first event and alerts can detect the absence of
   * events.
   *
   * @param queue the label of the queue
   */
  introduce(queue: string): void {
    if (this.seen.has(queue)) return;
    this.seen.add(queue);
    this.wait.series(queue);
    this.enqueued.inc({ queue }, 0);
    this.leaseLosses.inc({ queue }, 0);
    for (const reason of REASONS) this.redeliveries.inc({ queue, reason }, 0);
    for (const outcome of OUTCOMES) this.finished.inc({ queue, outcome }, 0);
  }

  private recordAttempt(queue: string, ended: Attempt): void {
    this.run.series(queue, ended.outcome).observe(runOf(ended));
    const { outcome, cause } = ended;
    if (outcome === 'lost') this.leaseLosses.inc({ queue });
    if (cause !== undefined) this.causes.inc({ cause: this.causeLabels.of(cause), outcome });
  }
}

/** Seconds; never negative, even if the wall clock was set back. */
export function waitOf({ startedAt, queuedAt }: Extract<Task, { state: 'processing' }>): number {
  return Math.max(startedAt - queuedAt, 0) / 1000;
}

/** Seconds. */
export function runOf({ startedAt, endedAt }: Attempt): number {
  return Math.max(endedAt - startedAt, 0) / 1000;
}

function reasonOf(type: CommittedTransition['type']): Reason | undefined {
  switch (type) {
    case 'retrying':
      return 'retry';
    case 'lost':
    case 'released':
      return type;
    case 'queued':
    case 'delayed':
    case 'processing':
    case 'completed':
    case 'failed':
    case 'cancelled':
    case 'expired':
    case 'reprioritized':
      return undefined;
  }
}
