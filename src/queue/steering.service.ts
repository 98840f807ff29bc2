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

/** Cancels and redrives tasks, independent of their holders. */
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

  /** Redrives matching dead letters; returns their number. */
  redriveAll(filter: RedriveFilter): Promise<number> {
    return this.changer.changeMatching(filter, redrive);
  }

  /** Cancels matching tasks; returns their number. */
  cancelAll({ reason, ...filter }: CancelFilter): Promise<number> {
    return this.changer.changeMatching(filter, (task, now) => cancel(task, reason, now));
  }
}
