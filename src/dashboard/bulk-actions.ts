import { Injectable } from '@nestjs/common';
import { hasRole, type Principal, type Role } from '../auth/principal.js';
import { BatchService } from '../batches/batch.service.js';
import { ProblemError } from '../http/problem.error.js';
import { LIMITS } from '../queue/dto/limits.js';
import { guardFor, visibleQueues } from '../queue/queue-access.js';
import { QueueService } from '../queue/queue.service.js';
import { SteeringService } from '../queue/steering.service.js';
import { TaskError } from '../task/task.errors.js';
import type { Instant } from '../task/clock.js';
import type { Task } from '../task/task.js';
import {
  CANCELLABLE_STATES,
  isFinalState,
  REDRIVABLE_STATES,
  TASK_STATES,
  type TaskState,
  WAITING_STATES,
} from '../task/task-state.js';
import { extraConditionOf, queryOf, type TaskFilters } from './task-filters.js';
import { scopeOf, TaskSearch } from './task-search.js';

interface Rule {
  /** The states that the action applies to. */
  readonly states: readonly TaskState[];
  readonly role: Role;
}

/** The actions on many tasks, with the role that the API asks for. */
export const BULK_ACTIONS = {
  cancel: { states: CANCELLABLE_STATES, role: 'producer' },
  redrive: { states: REDRIVABLE_STATES, role: 'producer' },
  prioritize: { states: WAITING_STATES, role: 'producer' },
  release: { states: ['processing'], role: 'admin' },
  delete: { states: TASK_STATES.filter(isFinalState), role: 'admin' },
} as const satisfies Readonly<Record<string, Rule>>;

export type BulkAction = keyof typeof BULK_ACTIONS;

/** A bulk action on the tasks that match filters. */
export interface BulkOrder {
  readonly action: BulkAction;
  readonly filters: TaskFilters;
  /** When the operator saw the count. Later tasks are not included. */
  readonly at: Instant;
  /** Of the action `prioritize`. */
  readonly priority?: number;
}

/** What an action would change. */
export interface BulkPreview {
  readonly count: number;
  /** The newest of them. */
  readonly examples: readonly Task[];
  readonly states: ReadonlyMap<TaskState, number>;
}

/** Upper bound of both the count and the tasks that one action changes. */
export const BULK_LIMIT = 100_000;
/** Rows that can be selected on a page. */
export const MOST_SELECTED = 200;
const EXAMPLES = 20;

export function isBulkAction(text: string | null): text is BulkAction {
  return text !== null && Object.hasOwn(BULK_ACTIONS, text);
}

/** The actions that the key allows. */
export function actionsFor(principal: Principal): readonly BulkAction[] {
  const all = Object.keys(BULK_ACTIONS) as BulkAction[];
  return all.filter((action) => hasRole(principal, [BULK_ACTIONS[action].role]));
}

/** Applies an action to tasks: to every one that matches filters, or to selected ones. */
@Injectable()
export class BulkActions {
  constructor(
    private readonly queue: QueueService,
    private readonly steering: SteeringService,
    private readonly search: TaskSearch,
    private readonly batches: BatchService,
  ) {}

  /** What the action would change, at most `BULK_LIMIT` tasks. */
  async preview(principal: Principal, order: BulkOrder): Promise<BulkPreview> {
    const { isSelected, ...filter } = selectionOf(principal, order);
    if (filter.states.length === 0) return previewOf([], 0);
    const examples: Task[] = [];
    const states = new Map<TaskState, number>();
    let count = 0;
    for await (const task of this.search.all(filter, isSelected)) {
      if (count < EXAMPLES) examples.push(task);
      states.set(task.state, (states.get(task.state) ?? 0) + 1);
      count += 1;
      if (count === BULK_LIMIT) break;
    }
    return { count, examples, states };
  }

  /**
   * Changes the tasks; returns their number.
   *
   * @param confirmed the number that the operator confirmed; the action changes no more
   */
  async carryOut(principal: Principal, order: BulkOrder, confirmed: number): Promise<number> {
    const limit = Math.min(confirmed, BULK_LIMIT);
    const selection = { ...selectionOf(principal, order), limit };
    if (selection.states.length === 0 || limit < 1) return 0;
    switch (order.action) {
      case 'cancel': {
        const count = await this.steering.cancelAll(selection);
        await this.noteBatch(principal, order.filters);
        return count;
      }
      case 'redrive':
        return this.steering.redriveAll(selection);
      case 'prioritize':
        return this.steering.reprioritizeAll(selection, requirePriority(order));
      case 'release':
        return this.steering.releaseAll(selection);
      case 'delete':
        return this.steering.removeAll(selection);
    }
  }

  /** The cancel of all tasks of a batch is a cancel of the batch. */
  private async noteBatch(principal: Principal, filters: TaskFilters): Promise<void> {
    const { batch } = filters;
    if (batch !== undefined && queryOf(filters).size === 1)
      await this.batches.noteWhole(batch, visibleQueues(principal, undefined));
  }

  /** The selected tasks that the key may see and the action applies to. */
  async previewSelected(
    principal: Principal,
    action: BulkAction,
    ids: readonly string[],
  ): Promise<BulkPreview> {
    const found = await Promise.all(ids.map(async (id) => this.findFor(principal, id)));
    const states: readonly TaskState[] = BULK_ACTIONS[action].states;
    const tasks = found.filter((task) => task !== undefined && states.includes(task.state));
    return previewOf(tasks as readonly Task[], tasks.length);
  }

  /** Changes the selected tasks to which the action applies; returns their number. */
  async carryOutSelected(
    principal: Principal,
    order: Pick<BulkOrder, 'action' | 'priority'>,
    ids: readonly string[],
  ): Promise<number> {
    const results = await Promise.allSettled(ids.map(async (id) => this.changeOne(principal, order, id)));
    for (const result of results) {
      // The state of a task may have changed since the preview; other errors concern the whole call.
      if (result.status === 'rejected' && !(result.reason instanceof TaskError)) throw result.reason;
    }
    return results.filter(({ status }) => status === 'fulfilled').length;
  }

  private async changeOne(
    principal: Principal,
    order: Pick<BulkOrder, 'action' | 'priority'>,
    id: string,
  ): Promise<void> {
    const guard = guardFor(principal);
    switch (order.action) {
      case 'cancel':
        await this.steering.cancel(id, undefined, guard);
        return;
      case 'redrive':
        await this.steering.redrive(id, {}, guard);
        return;
      case 'prioritize':
        await this.steering.reprioritize(id, requirePriority(order), guard);
        return;
      case 'release':
        await this.steering.release(id, guard);
        return;
      case 'delete':
        guard(await this.queue.find(id));
        await this.queue.remove(id);
    }
  }

  private async findFor(principal: Principal, id: string): Promise<Task | undefined> {
    try {
      const task = await this.queue.find(id);
      guardFor(principal)(task);
      return task;
    } catch (error) {
      if (error instanceof TaskError) return undefined;
      throw error;
    }
  }
}

/** A whole number that the API allows; `undefined` for other texts. */
export function priorityIn(form: URLSearchParams): number | undefined {
  const text = (form.get('priority') ?? '').trim();
  return /^-?\d{1,4}$/.test(text) && Math.abs(Number(text)) <= LIMITS.priority ? Number(text) : undefined;
}

/** @throws ProblemError `invalid_request` when the form has none */
export function requirePriority({ priority }: Pick<BulkOrder, 'priority'>): number {
  if (priority !== undefined) return priority;
  const limit = LIMITS.priority;
  throw new ProblemError('invalid_request', `The priority must be a whole number from -${limit} to ${limit}`);
}

function selectionOf(principal: Principal, { action, filters, at }: BulkOrder) {
  const scope = scopeOf(principal, filters, at);
  const { states: asked } = scope;
  const allowed: readonly TaskState[] = BULK_ACTIONS[action].states;
  const states = allowed.filter((state) => asked?.includes(state) ?? true);
  return { ...scope, states, createdBefore: at, isSelected: extraConditionOf(filters) };
}

function previewOf(tasks: readonly Task[], count: number): BulkPreview {
  const states = new Map<TaskState, number>();
  for (const { state } of tasks) states.set(state, (states.get(state) ?? 0) + 1);
  return { count, examples: tasks.slice(0, EXAMPLES), states };
}
