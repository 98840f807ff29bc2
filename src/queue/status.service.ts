import { Injectable } from '@nestjs/common';
import { type StateCounts, TaskStore } from '../storage/task-store.js';
import { type Instant, type Seconds } from '../task/clock.js';
import { TASK_STATES } from '../task/task.js';

export interface QueueStatus extends StateCounts {
  /** Seconds; null when nothing is queued. */
  readonly oldest_queued_age: Seconds | null;
}

export interface StatusView extends QueueStatus {
  /** The same as `queued`. */
  readonly queue_length: number;
  /** Every task that is known, in whatever state. */
  readonly total_tasks: number;
  readonly queues: Readonly<Record<string, QueueStatus>>;
}

/** Counts for people and health checks. */
@Injectable()
export class StatusService {
  constructor(private readonly store: TaskStore) {}

  async read(isVisible: (queue: string) => boolean = () => true): Promise<StatusView> {
    const queues = (await this.store.counts()).filter(({ queue }) => isVisible(queue));
    const now = this.store.clock.now().wall;
    const total = Object.fromEntries(
      TASK_STATES.map((state) => [state, queues.reduce((sum, { counts }) => sum + counts[state], 0)]),
    ) as unknown as StateCounts;
    let oldest: Instant | undefined;
    for (const { oldestQueuedAt } of queues) {
      if (oldestQueuedAt !== undefined && oldestQueuedAt < (oldest ?? Infinity)) oldest = oldestQueuedAt;
    }
    return {
      ...total,
      queue_length: total.queued,
      total_tasks: TASK_STATES.reduce((sum, state) => sum + total[state], 0),
      oldest_queued_age: ageOf(oldest, now),
      queues: Object.fromEntries(
        queues.map(({ queue, counts, oldestQueuedAt }) => [
          queue,
          { ...counts, oldest_queued_age: ageOf(oldestQueuedAt, now) },
        ]),
      ),
    };
  }
}

function ageOf(since: Instant | undefined, now: Instant): Seconds | null {
  return since === undefined ? null : Math.max(now - since, 0) / 1000;
}
