import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { type QueueCounts, TaskStore } from '../storage/task-store.js';
import { type Instant, type Seconds } from '../task/clock.js';
import { TASK_STATES, type StateCounts, type TaskState, countIn } from '../task/task-state.js';

export interface QueueStatus extends StateCounts {
  /** Seconds; null if nothing is queued. */
  readonly oldest_queued_age: Seconds | null;
}

/** The totals over all queues. */
export interface StatusTotals extends QueueStatus {
  /** The same as `queued`. */
  readonly queue_length: number;
  /** Tasks in all states. */
  readonly total_tasks: number;
}

export interface StatusView extends StatusTotals {
  readonly queues: Readonly<Record<string, QueueStatus>>;
}

/** Queues per turn of the event loop: a few milliseconds of work. */
const QUEUES_PER_TURN = 2_000;

/** Counts tasks for `GET /status` and the dashboard. */
@Injectable()
export class StatusService {
  /** The counts of queues as unfinished JSON. Stores return the same object until something changes. */
  private readonly texts = new WeakMap<StateCounts, string>();

  constructor(private readonly store: TaskStore) {}

  async read(isVisible: (queue: string) => boolean = () => true): Promise<StatusView> {
    const queues = (await this.store.counts()).filter(({ queue }) => isVisible(queue));
    const now = this.store.clock.now().wall;
    const views = queues.map(
      ({ queue, counts, oldestQueuedAt }) =>
        [queue, { ...counts, oldest_queued_age: ageOf(oldestQueuedAt, now) }] as const,
    );
    return { ...totalsOf(queues, now), queues: Object.fromEntries(views) };
  }

  /** The same as JSON, built in several turns for many queues. */
  async text(isVisible: (queue: string) => boolean): Promise<string> {
    const queues = (await this.store.counts()).filter(({ queue }) => isVisible(queue));
    const now = this.store.clock.now().wall;
    const parts: string[] = [];
    for (let from = 0; from < queues.length; from += QUEUES_PER_TURN) {
      if (from > 0) await nextTurn();
      parts.push(
        queues
          .slice(from, from + QUEUES_PER_TURN)
          .map((each) => this.textOf(each, now))
          .join(','),
      );
    }
    return `${JSON.stringify(totalsOf(queues, now)).slice(0, -1)},"queues":{${parts.join(',')}}}`;
  }

  private textOf({ queue, counts, oldestQueuedAt }: QueueCounts, now: Instant): string {
    const known = this.texts.get(counts);
    const text = known ?? `${JSON.stringify(queue)}:${JSON.stringify(counts).slice(0, -1)}`;
    if (known === undefined) this.texts.set(counts, text);
    return `${text},"oldest_queued_age":${ageOf(oldestQueuedAt, now)}}`;
  }
}

function totalsOf(queues: readonly QueueCounts[], now: Instant): StatusTotals {
  const total = Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as Record<TaskState, number>;
  let oldest: Instant | undefined;
  for (const { counts, oldestQueuedAt } of queues) {
    for (const state of TASK_STATES) total[state] += counts[state];
    if (oldestQueuedAt !== undefined && oldestQueuedAt < (oldest ?? Infinity)) oldest = oldestQueuedAt;
  }
  return {
    ...total,
    queue_length: total.queued,
    total_tasks: countIn(total),
    oldest_queued_age: ageOf(oldest, now),
  };
}

function ageOf(since: Instant | undefined, now: Instant): Seconds | null {
  return since === undefined ? null : Math.max(now - since, 0) / 1000;
}
