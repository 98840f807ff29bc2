import { Injectable } from '@nestjs/common';
import { matchesFilter } from '../storage/task-filter.js';
import { type Change, type ReplaceOptions, StoreUnavailable, TaskStore } from '../storage/task-store.js';
import type { TaskFilter } from '../storage/task-views.js';
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
  /** The task as just read, which saves a read. If it is outdated, the store rejects the change, and the task is read. */
  readonly seen?: Task;
}

/** The tasks of a bulk operation. */
export interface Selection extends TaskFilter {
  /** The maximum number of tasks, newest first; all by default. */
  readonly limit?: number;
  /** A further condition on matching tasks; all by default. */
  readonly isSelected?: (task: Task) => boolean;
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
   * Changes the matching tasks, in commits of some hundred, and skips those for which `decide` throws. Reads the next
   * tasks during a commit.
   *
   * @returns the number of changed tasks
   * @throws StoreUnavailable, with an unknown effect once a commit was made
   */
  async changeMatching(selection: Selection, decide: Decide): Promise<number> {
    const { isSelected = () => true, limit: _, ...filter } = selection;
    const decideMeant: Decide = (task, now) => {
      // It was written since it was listed, or its id was reused.
      if (!matchesFilter(task, filter) || !isSelected(task)) throw new TaskNotFound(task.spec.id);
      return decide(task, now);
    };
    return this.forMatching(selection, async (tasks) => {
      const commands = tasks.map((seen) => ({ id: seen.spec.id, decide: decideMeant, seen }));
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
    { limit = Infinity, isSelected, ...filter }: Selection,
    step: (tasks: readonly Task[]) => Promise<number>,
  ): Promise<number> {
    // A condition passes few of the tasks that it reads.
    const read = (left: number, cursor?: string) =>
      this.store.views.list({ ...filter, limit: isSelected ? CHUNK : Math.min(left, CHUNK), cursor });
    let count = 0;
    try {
      let page = await read(limit);
      for (;;) {
        const { tasks, nextCursor } = page;
        const most = limit - count;
        const meant = isSelected ? tasks.filter(isSelected).slice(0, most) : tasks;
        const left = most - meant.length;
        const next = nextCursor === undefined || left <= 0 ? undefined : read(left, nextCursor);
        // Awaited below, unless the step fails first.
        next?.catch(() => undefined);
        if (meant.length > 0) count += await step(meant);
        if (nextCursor === undefined || count >= limit) return count;
        page = await (next ?? read(limit - count, nextCursor));
      }
    } catch (error) {
      throw count > 0 ? afterWrite(error) : error;
    }
  }

  private async decide({ id, decide, seen }: TaskCommand): Promise<Decision> {
    if (seen !== undefined) return { task: seen, change: decide(seen, this.store.clock.now()) };
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
