import { Injectable } from '@nestjs/common';
import { type TaskFilter, TaskStore } from '../storage/task-store.js';
import { cancel, redrive } from '../task/task.machine.js';
import type { Task } from '../task/task.js';
import type { TaskState } from '../task/task-state.js';
import { afterWrite } from './after-write.js';
import type { TaskGuard } from './queue-access.js';
import { type Decide, guarded, TaskChanger } from './task-changer.js';

/** Tasks of one commit. */
const CHUNK = 500;

export interface RedriveFilter extends TaskFilter {
  readonly states: readonly TaskState[];
  /** At most this many, the newest first. */
  readonly limit: number;
  /** Of the tasks that match, which ones; all unless said otherwise. */
  readonly isMeant?: (task: Task) => boolean;
}

export interface CancelFilter extends RedriveFilter {
  readonly reason?: string;
}

/** What an operator does with tasks, whoever holds them. */
@Injectable()
export class SteeringService {
  constructor(
    private readonly store: TaskStore,
    private readonly changer: TaskChanger,
  ) {}

  /** @throws TaskNotFound, TaskEnded */
  cancel(id: string, reason: string | undefined, guard: TaskGuard): Promise<Task> {
    return this.changer.change(
      id,
      guarded(guard, (task, now) => cancel(task, reason, now)),
    );
  }

  /** @throws TaskNotFound, NotRedrivable */
  redrive(id: string, guard: TaskGuard): Promise<Task> {
    return this.changer.change(id, guarded(guard, redrive));
  }

  /** How many dead letters were given back to their queues. */
  redriveAll(filter: RedriveFilter): Promise<number> {
    return this.changeMatching(filter, redrive);
  }

  /** How many tasks were stopped. */
  cancelAll({ reason, ...filter }: CancelFilter): Promise<number> {
    return this.changeMatching(filter, (task, now) => cancel(task, reason, now));
  }

  private async changeMatching(
    { limit, isMeant, ...filter }: RedriveFilter,
    decide: Decide,
  ): Promise<number> {
    let count = 0;
    let cursor: string | undefined;
    try {
      do {
        const page = await this.store.list({ ...filter, limit: Math.min(limit - count, CHUNK), cursor });
        count += await this.changeThese(isMeant ? page.tasks.filter(isMeant) : page.tasks, decide);
        cursor = page.nextCursor;
      } while (cursor !== undefined && count < limit);
    } catch (error) {
      throw count > 0 ? afterWrite(error) : error;
    }
    return count;
  }

  private async changeThese(tasks: readonly Task[], decide: Decide): Promise<number> {
    const results = await this.changer.changeAll(
      tasks.map(({ spec }) => ({ id: spec.id, decide })),
      { inSteps: true },
    );
    return results.filter(({ status }) => status === 'fulfilled').length;
  }
}
