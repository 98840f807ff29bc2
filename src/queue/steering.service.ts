import { Injectable } from '@nestjs/common';
import { TaskStore } from '../storage/task-store.js';
import { cancel, redrive } from '../task/task.machine.js';
import type { Task, TaskState } from '../task/task.js';
import { afterWrite } from './after-write.js';
import type { TaskGuard } from './queue-access.js';
import { guarded, TaskChanger } from './task-changer.js';

/** Tasks of one commit. */
const CHUNK = 500;

export interface RedriveFilter {
  readonly states: readonly TaskState[];
  readonly queues?: readonly string[];
  /** At most this many, the newest first. */
  readonly limit: number;
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
  async redriveAll({ states, queues, limit }: RedriveFilter): Promise<number> {
    let count = 0;
    let cursor: string | undefined;
    try {
      do {
        const page = await this.store.list({ states, queues, limit: Math.min(limit - count, CHUNK), cursor });
        count += await this.redriveThese(page.tasks);
        cursor = page.nextCursor;
      } while (cursor !== undefined && count < limit);
    } catch (error) {
      throw count > 0 ? afterWrite(error) : error;
    }
    return count;
  }

  private async redriveThese(tasks: readonly Task[]): Promise<number> {
    const results = await this.changer.changeAll(
      tasks.map(({ spec }) => ({ id: spec.id, decide: (task, now) => redrive(task, now) })),
    );
    return results.filter(({ status }) => status === 'fulfilled').length;
  }
}
