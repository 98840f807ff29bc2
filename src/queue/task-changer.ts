import { Injectable } from '@nestjs/common';
import {
  type Change,
  type ReplaceOptions,
  StoreUnavailable,
  type TaskFilter,
  TaskStore,
} from '../storage/task-store.js';
import type { Moment } from '../task/clock.js';
import { TaskNotFound } from '../task/task.errors.js';
import type { Task } from '../task/task.js';
import { afterWrite } from './after-write.js';
import type { TaskGuard } from './queue-access.js';

/** Tasks per commit of a change of many. */
const CHUNK = 500;

/** The change that the state machine makes; `undefined` for no change. Throws the refusal of the state machine. */
export type Decide = (task: Task, now: Moment) => Change | undefined;

/** The same decision after an access check. */
export function guarded(guard: TaskGuard, decide: Decide): Decide {
  return (task, now) => {
    guard(task);
    return decide(task, now);
  };
}

export interface TaskCommand {
  readonly id: string;
  readonly decide: Decide;
}

/** The tasks of a bulk operation. */
export interface Selection extends TaskFilter {
  /** The maximum number of tasks, newest first; all by default. */
  readonly limit?: number;
  /** A further condition on matching tasks; all by default. */
  readonly isMeant?: (task: Task) => boolean;
}

interface Decision {
  readonly task: Task;
  readonly change: Change | undefined;
}

/** Changes tasks: find, decide, replace, and retry if another process wrote first. */
@Injectable()
export class TaskChanger {
  constructor(private readonly store: TaskStore) {}

  /**
   * Returns the task after the change.
   *
   * @throws TaskNotFound, and the errors of `decide`; then nothing has changed
   */
  async change(id: string, decide: Decide): Promise<Task> {
    for (;;) {
      const { task, change } = await this.decide({ id, decide });
      if (change === undefined) {
        await this.store.confirm(task);
        return task;
      }
      const [isWritten] = await this.store.replace([change]);
      if (isWritten) return change.task;
    }
  }

  /**
   * Changes many tasks, each with its own result: the task, or its refusal. One durable commit by default.
   *
   * @throws StoreUnavailable when not all tasks can be read; then nothing has changed
   */
  async changeAll(
    commands: readonly TaskCommand[],
    options?: ReplaceOptions,
  ): Promise<PromiseSettledResult<Task>[]> {
    const decisions = await Promise.allSettled(commands.map((command) => this.decide(command)));
    for (const decision of decisions) requireStore(decision);
    const changes = decisions.flatMap((decision) =>
      decision.status === 'fulfilled' && decision.value.change !== undefined ? [decision.value.change] : [],
    );
    const written = changes.length === 0 ? [] : await this.store.replace(changes, options);
    const lost = new Set(changes.filter((_, index) => !written[index]));
    return Promise.allSettled(
      decisions.map(async (decision, index) => {
        if (decision.status === 'rejected') throw decision.reason as Error;
        const { task, change } = decision.value;
        const command = commands[index];
        const isLost = command !== undefined && change !== undefined && lost.has(change);
        if (change === undefined) await this.store.confirm(task);
        return isLost ? this.change(command.id, command.decide) : (change?.task ?? task);
      }),
    );
  }

  /**
   * Changes the matching tasks, in commits of some hundred, and skips those for which `decide` throws.
   *
   * @returns the number of changed tasks
   * @throws StoreUnavailable, with an unknown effect once a commit was made
   */
  async changeMatching(selection: Selection, decide: Decide): Promise<number> {
    return this.forMatching(selection, async (tasks) => {
      const commands = tasks.map(({ spec }) => ({ id: spec.id, decide }));
      const results = await this.changeAll(commands, { inSteps: true });
      return results.filter(({ status }) => status === 'fulfilled').length;
    });
  }

  /** Removes the matching tasks with all their data; returns their number. Skips those that another process changes. */
  async removeMatching(selection: Selection): Promise<number> {
    return this.forMatching(
      selection,
      async (tasks) => (await this.store.remove(tasks)).filter((isRemoved) => isRemoved).length,
    );
  }

  /** Applies `step`, which returns the number of changed tasks, to the matching tasks in chunks. */
  private async forMatching(
    { limit = Infinity, isMeant, ...filter }: Selection,
    step: (tasks: readonly Task[]) => Promise<number>,
  ): Promise<number> {
    let count = 0;
    let cursor: string | undefined;
    try {
      do {
        const most = Math.min(limit - count, CHUNK);
        // A condition passes few of the tasks that it reads.
        const page = await this.store.list({ ...filter, limit: isMeant ? CHUNK : most, cursor });
        const meant = isMeant ? page.tasks.filter(isMeant).slice(0, most) : page.tasks;
        if (meant.length > 0) count += await step(meant);
        cursor = page.nextCursor;
      } while (cursor !== undefined && count < limit);
    } catch (error) {
      throw count > 0 ? afterWrite(error) : error;
    }
    return count;
  }

  private async decide({ id, decide }: TaskCommand): Promise<Decision> {
    const remembered = this.decideByMemory({ id, decide });
    if (remembered !== undefined) return remembered;
    const task = await this.store.find(id);
    if (task === undefined) throw new TaskNotFound(id);
    return { task, change: decide(task, this.store.clock.now()) };
  }

  /**
   * The cached task can only decide a change, because the store rejects stale writes. Responses and errors need a fresh
   * read.
   */
  private decideByMemory({ id, decide }: TaskCommand): Decision | undefined {
    const task = this.store.recall(id);
    if (task === undefined) return undefined;
    try {
      const change = decide(task, this.store.clock.now());
      return change && { task, change };
    } catch {
      return undefined;
    }
  }
}

/** A store outage fails the whole call, not one item. */
function requireStore(decision: PromiseSettledResult<unknown>): void {
  if (decision.status === 'rejected' && decision.reason instanceof StoreUnavailable) throw decision.reason;
}
