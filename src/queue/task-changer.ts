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

/** Tasks of one commit, where many are changed. */
const CHUNK = 500;

/** What the life cycle makes of a task now; `undefined` when it is so already. Throws what it refuses. */
export type Decide = (task: Task, now: Moment) => Change | undefined;

/** The same decision for callers that may act on the task. */
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

/** Which tasks an operation over many is about. */
export interface Selection extends TaskFilter {
  /** At most this many, the newest first; all by default. */
  readonly limit?: number;
  /** Of the tasks that match, which ones; all by default. */
  readonly isMeant?: (task: Task) => boolean;
}

interface Decision {
  readonly task: Task;
  readonly change: Change | undefined;
}

/** Every change of a task: find, decide, replace, and again if somebody else wrote first. */
@Injectable()
export class TaskChanger {
  constructor(private readonly store: TaskStore) {}

  /**
   * The task after the change.
   *
   * @throws TaskNotFound, and whatever `decide` throws; then nothing was changed
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
   * Many changes in one durable commit unless it may be several, each with its own result: the task, or why it was refused.
   *
   * @throws StoreUnavailable when not all tasks can be read; then nothing was changed
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
   * Changes the tasks that match, in commits of some hundred, and passes over those of which `decide` throws.
   *
   * @returns how many were changed
   * @throws StoreUnavailable, with an unknown effect once a commit was made
   */
  async changeMatching(
    { limit = Infinity, isMeant = () => true, ...filter }: Selection,
    decide: Decide,
  ): Promise<number> {
    let count = 0;
    let cursor: string | undefined;
    try {
      do {
        const page = await this.store.list({ ...filter, limit: Math.min(limit - count, CHUNK), cursor });
        const commands = page.tasks.filter(isMeant).map(({ spec }) => ({ id: spec.id, decide }));
        const results = await this.changeAll(commands, { inSteps: true });
        count += results.filter(({ status }) => status === 'fulfilled').length;
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

  /** The store rejects stale writes, so only a change may rest on what it remembers; an answer or an error may not. */
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
