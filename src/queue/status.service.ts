import { Injectable } from '@nestjs/common';
import { turns } from '../http/turns.js';
import { TaskStore } from '../storage/task-store.js';
import type { QueueCounts } from '../storage/task-views.js';
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

/** The status of a part of the queues, for a page. */
export interface StatusExtract {
  readonly totals: StatusTotals;
  /** The first queues by name. */
  readonly queues: readonly (QueueStatus & { readonly queue: string })[];
  /** The number of further queues. */
  readonly more: number;
}

type IsVisible = (queue: string) => boolean;

/** Counts tasks for `GET /status` and the dashboard. Any number of queues is handled in parts. */
@Injectable()
export class StatusService {
  constructor(private readonly store: TaskStore) {}

  async read(isVisible: IsVisible = () => true): Promise<StatusView> {
    const { totals, queues } = await this.extract(isVisible, Infinity);
    return { ...totals, queues: Object.fromEntries(queues.map(({ queue, ...status }) => [queue, status])) };
  }

  async readTotals(isVisible: IsVisible): Promise<StatusTotals> {
    return (await this.extract(isVisible, 0)).totals;
  }

  /** @param most the maximum number of queues */
  async extract(isVisible: IsVisible, most: number): Promise<StatusExtract> {
    const sums = new Sums();
    const all: QueueCounts[] = [];
    let first: readonly QueueCounts[] = all;
    let count = 0;
    await turns.inPieces(await this.store.views.counts(), (part) => {
      const visible = part.filter(({ queue }) => isVisible(queue));
      for (const each of visible) sums.add(each);
      count += visible.length;
      if (most === Infinity) for (const each of visible) all.push(each);
      else if (most > 0) first = [...first, ...visible].toSorted(byName).slice(0, most);
    });
    const now = this.now;
    const queues = first.map((each) => ({ queue: each.queue, ...statusOf(each, now) }));
    return { totals: sums.totals(now), queues, more: count - queues.length };
  }

  async readQueue(queue: string): Promise<QueueStatus | undefined> {
    const counted = await this.store.views.countQueue(queue);
    return counted && statusOf(counted, this.now);
  }

  /** What `read` returns, as JSON in parts. */
  async text(isVisible: IsVisible): Promise<readonly Buffer[]> {
    const queues = await this.store.views.counts();
    const { now } = this;
    const sums = new Sums();
    const parts = await turns.listed(queues, (each) => {
      if (!isVisible(each.queue)) return '';
      sums.add(each);
      return `${JSON.stringify(each.queue)}:${JSON.stringify(statusOf(each, now))}`;
    });
    const head = `${JSON.stringify(sums.totals(now)).slice(0, -1)},"queues":{`;
    return [Buffer.from(head), ...parts, Buffer.from('}}')];
  }

  private get now(): Instant {
    return this.store.clock.now().wall;
  }
}

/** The sums over queues. */
class Sums {
  private readonly counts = Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as Record<
    TaskState,
    number
  >;
  private oldest: Instant | undefined;

  add({ counts, oldestQueuedAt }: QueueCounts): void {
    for (const state of TASK_STATES) this.counts[state] += counts[state];
    if (oldestQueuedAt !== undefined && oldestQueuedAt < (this.oldest ?? Infinity))
      this.oldest = oldestQueuedAt;
  }

  totals(now: Instant): StatusTotals {
    const { counts } = this;
    return {
      ...counts,
      queue_length: counts.queued,
      total_tasks: countIn(counts),
      oldest_queued_age: ageOf(this.oldest, now),
    };
  }
}

export function statusOf({ counts, oldestQueuedAt }: QueueCounts, now: Instant): QueueStatus {
  return { ...counts, oldest_queued_age: ageOf(oldestQueuedAt, now) };
}

function byName({ queue: one }: QueueCounts, { queue: other }: QueueCounts): number {
  return one < other ? -1 : 1;
}

function ageOf(since: Instant | undefined, now: Instant): Seconds | null {
  return since === undefined ? null : Math.max(now - since, 0) / 1000;
}
