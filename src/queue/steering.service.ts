import { Injectable } from '@nestjs/common';
import { cancel, redrive } from '../task/task.machine.js';
import type { Task } from '../task/task.js';
import type { TaskState } from '../task/task-state.js';
import type { TaskGuard } from './queue-access.js';
import { guarded, type Selection, TaskChanger } from './task-changer.js';

export interface RedriveFilter extends Selection {
  readonly states: readonly TaskState[];
  readonly limit: number;
}

export interface CancelFilter extends RedriveFilter {
  readonly reason?: string;
}

/** What an operator does with tasks, whoever holds them. */
@Injectable()
export class SteeringService {
  constructor(private readonly changer: TaskChanger) {}

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
    return this.changer.changeMatching(filter, redrive);
  }

  /** How many tasks were stopped. */
  cancelAll({ reason, ...filter }: CancelFilter): Promise<number> {
    return this.changer.changeMatching(filter, (task, now) => cancel(task, reason, now));
  }
}
