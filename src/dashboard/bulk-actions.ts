import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import { visibleQueues } from '../queue/queue-access.js';
import { QueueService } from '../queue/queue.service.js';
import { SteeringService } from '../queue/steering.service.js';
import type { TaskFilter } from '../storage/task-store.js';
import type { Instant } from '../task/clock.js';
import { REDRIVABLE_STATES, type TaskState, CANCELLABLE_STATES } from '../task/task-state.js';
import { storeFilter, type TaskFilters } from './task-filters.js';

export const BULK_ACTIONS = ['cancel', 'redrive'] as const;
export type BulkAction = (typeof BULK_ACTIONS)[number];

/** A bulk action and its filter. */
export interface BulkOrder {
  readonly action: BulkAction;
  readonly filters: TaskFilters;
  /** When the operator saw the count. Later tasks are not included. */
  readonly at: Instant;
}

/** The states that an action applies to. */
const STATES: Readonly<Record<BulkAction, readonly TaskState[]>> = {
  cancel: CANCELLABLE_STATES,
  redrive: REDRIVABLE_STATES,
};

/** Upper bound of both the count and the tasks that one action changes. */
export const BULK_LIMIT = 100_000;
const PAGE_SIZE = 1_000;

/** Applies an action to every task that matches a filter. */
@Injectable()
export class BulkActions {
  constructor(
    private readonly queue: QueueService,
    private readonly steering: SteeringService,
  ) {}

  /** Number of tasks that the action would change, at most `BULK_LIMIT`. */
  async count(principal: Principal, order: BulkOrder): Promise<number> {
    const filter = filterOf(principal, order);
    let count = 0;
    let cursor: string | undefined;
    if (filter.states.length === 0) return 0;
    do {
      const page = await this.queue.list({ ...filter, limit: PAGE_SIZE, cursor });
      count += page.tasks.length;
      cursor = page.nextCursor;
    } while (cursor !== undefined && count < BULK_LIMIT);
    return Math.min(count, BULK_LIMIT);
  }

  /**
   * Changes the tasks; returns their number.
   *
   * @param confirmed the number that the operator confirmed; the action changes no more
   */
  async carryOut(principal: Principal, order: BulkOrder, confirmed: number): Promise<number> {
    const filter = { ...filterOf(principal, order), limit: Math.min(confirmed, BULK_LIMIT) };
    if (filter.states.length === 0 || filter.limit < 1) return 0;
    switch (order.action) {
      case 'cancel':
        return this.steering.cancelAll(filter);
      case 'redrive':
        return this.steering.redriveAll(filter);
    }
  }
}

function filterOf(
  principal: Principal,
  { action, filters, at }: BulkOrder,
): TaskFilter & { states: readonly TaskState[] } {
  const asked = filters.states;
  const states = STATES[action].filter((state) => asked.length === 0 || asked.includes(state));
  const queues = visibleQueues(principal, filters.queue === undefined ? undefined : [filters.queue]);
  return { ...storeFilter(filters, at), states, queues, createdBefore: at };
}
