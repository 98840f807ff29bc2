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

/** What is done with everything that matches. */
export interface BulkOrder {
  readonly action: BulkAction;
  readonly filters: TaskFilters;
  /** When the operator was shown the count: what came later is not meant. */
  readonly at: Instant;
}

/** The states that an action can be carried out on. */
const STATES: Readonly<Record<BulkAction, readonly TaskState[]>> = {
  cancel: CANCELLABLE_STATES,
  redrive: REDRIVABLE_STATES,
};

/** More than this is not counted, and not changed at once. */
export const BULK_LIMIT = 100_000;
const PAGE_SIZE = 1_000;

/** Acts on every task that a filter lets through. */
@Injectable()
export class BulkActions {
  constructor(
    private readonly queue: QueueService,
    private readonly steering: SteeringService,
  ) {}

  /** How many tasks it would change, at most `BULK_LIMIT`. */
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
   * How many tasks were changed.
   *
   * @param confirmed how many the operator was shown: no more are changed
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
