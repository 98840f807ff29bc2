import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import { BatchService } from '../batches/batch.service.js';
import { visibleQueues } from '../queue/queue-access.js';
import { QueueService } from '../queue/queue.service.js';
import { StatusService } from '../queue/status.service.js';
import type { TaskFilter } from '../storage/task-views.js';
import type { Instant } from '../task/clock.js';
import type { Task } from '../task/task.js';
import { countIn, TASK_STATES } from '../task/task-state.js';
import { extraConditionOf, storeFilter, type TaskFilters } from './task-filters.js';

/** Tasks on a page of the list. */
const PAGE_SIZE = 50;
/** Tasks that one call of the store returns for a search that reads each. */
const READ_AT_ONCE = 200;
/** Calls for one page of a search, so at most 20,000 tasks. The next page continues there. */
const CALLS_PER_PAGE = 100;
/** Tasks that a bulk action reads to find those that it changes. */
const READ_PER_ACTION = 200_000;

export interface FoundPage {
  readonly tasks: readonly Task[];
  readonly nextCursor?: string;
  /** Tasks that were read to find these. */
  readonly read: number;
}

/** Finds the tasks that match filters. */
@Injectable()
export class TaskSearch {
  constructor(
    private readonly queue: QueueService,
    private readonly status: StatusService,
    private readonly batches: BatchService,
  ) {}

  /** A page of matching tasks, newest first; it can be short, even empty, although another follows. */
  async page(principal: Principal, filters: TaskFilters, now: Instant): Promise<FoundPage> {
    const filter = scopeOf(principal, filters, now);
    const isSelected = extraConditionOf(filters);
    if (isSelected === undefined) {
      const page = await this.queue.list({ ...filter, limit: PAGE_SIZE, cursor: filters.cursor });
      return { ...page, read: page.tasks.length };
    }
    const tasks: Task[] = [];
    let [read, calls, cursor] = [0, 0, filters.cursor];
    do {
      const page = await this.queue.list({ ...filter, limit: READ_AT_ONCE, cursor });
      tasks.push(...page.tasks.filter(isSelected));
      read += page.tasks.length;
      calls += 1;
      cursor = page.nextCursor;
    } while (cursor !== undefined && tasks.length < PAGE_SIZE && calls < CALLS_PER_PAGE);
    return { tasks, nextCursor: cursor, read };
  }

  /** All matching tasks, newest first, among the newest `READ_PER_ACTION` that the store's part of the filter finds. */
  async *all(filter: TaskFilter, isSelected: (task: Task) => boolean = () => true): AsyncGenerator<Task> {
    let [read, cursor]: [number, string | undefined] = [0, undefined];
    do {
      const page = await this.queue.list({ ...filter, limit: 1_000, cursor });
      for (const task of page.tasks) if (isSelected(task)) yield task;
      read += page.tasks.length;
      cursor = page.nextCursor;
    } while (cursor !== undefined && read < READ_PER_ACTION);
  }

  /** The number of matching tasks where counts tell it: by state and queue, or by batch. */
  async total(principal: Principal, filters: TaskFilters): Promise<number | undefined> {
    const { states, queue, batch } = filters;
    const { group, worker, cause, minutes } = filters;
    const isCounted = [group, worker, cause, minutes].every((value) => value === undefined);
    if (!isCounted || extraConditionOf(filters) !== undefined) return undefined;
    const counted = states.length === 0 ? TASK_STATES : states;
    const queues = visibleQueues(principal, queue === undefined ? undefined : [queue]);
    if (batch !== undefined) return countIn(await this.batches.countSeen(batch, queues), counted);
    return countIn(await this.status.readTotals((name) => queues?.includes(name) ?? true), counted);
  }
}

/** The store's part of the filter, within the queues of the key. */
export function scopeOf(principal: Principal, filters: TaskFilters, now: Instant): TaskFilter {
  const queues = visibleQueues(principal, filters.queue === undefined ? undefined : [filters.queue]);
  return { ...storeFilter(filters, now), queues };
}
