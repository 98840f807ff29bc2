import { Injectable } from '@nestjs/common';
import type { Moment } from '../task/clock.js';
import { NotHeld } from '../task/task.errors.js';
import { cancel, redrive, type Redrive, release, reprioritize } from '../task/task.machine.js';
import type { Task } from '../task/task.js';
import { isFinalState, isWaitingState, type TaskState } from '../task/task-state.js';
import type { TaskGuard } from './queue-access.js';
import { withCheckpoint } from './checkpoint-change.js';
import { type Decide, guarded, type Selection, TaskChanger } from './task-changer.js';

export interface RedriveFilter extends Selection, Redrive {
  readonly states: readonly TaskState[];
  readonly limit: number;
}

export interface CancelFilter extends Omit<RedriveFilter, keyof Redrive> {
  readonly reason?: string;
}

/** Decides a redrive, which removes the checkpoint if it resets the task. */
export function redriveAs(how: Redrive): Decide {
  return (task, now) => withCheckpoint(task, redrive(task, now, how));
}

/** Cancels, redrives, releases and removes tasks, independent of their holders. */
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
  redrive(id: string, how: Redrive, guard: TaskGuard): Promise<Task> {
    return this.changer.change(id, guarded(guard, redriveAs(how)));
  }

  /** @throws TaskNotFound, NotWaiting */
  reprioritize(id: string, priority: number, guard: TaskGuard): Promise<Task> {
    return this.changer.change(
      id,
      guarded(guard, (task, now) => reprioritize(task, priority, now)),
    );
  }

  /**
   * Takes a held task from its worker and returns it to its queue.
   *
   * @throws TaskNotFound, NotHeld when no worker holds it
   */
  release(id: string, guard: TaskGuard): Promise<Task> {
    return this.changer.change(id, guarded(guard, releaseHeld));
  }

  /** Redrives matching dead letters; returns their number. */
  redriveAll({ isReset, ...filter }: RedriveFilter): Promise<number> {
    return this.changer.changeMatching(filter, redriveAs({ isReset }));
  }

  /** Cancels matching tasks; returns their number. */
  cancelAll({ reason, ...filter }: CancelFilter): Promise<number> {
    return this.changer.changeMatching(filter, (task, now) => cancel(task, reason, now));
  }

  /** Changes the priority of matching waiting tasks; returns the number of those that match. */
  reprioritizeAll(filter: RedriveFilter, priority: number): Promise<number> {
    const states = filter.states.filter(isWaitingState);
    return this.changer.changeMatching({ ...filter, states }, (task, now) =>
      reprioritize(task, priority, now),
    );
  }

  /** Releases matching held tasks; returns their number. */
  releaseAll(filter: RedriveFilter): Promise<number> {
    return this.changer.changeMatching(filter, releaseHeld);
  }

  /** Removes matching tasks that have ended; returns their number. */
  removeAll(filter: RedriveFilter): Promise<number> {
    return this.changer.removeMatching({ ...filter, states: filter.states.filter(isFinalState) });
  }
}

function releaseHeld(task: Task, now: Moment) {
  if (task.state !== 'processing') throw new NotHeld(task.spec.id);
  return release(task, { leaseId: task.lease.id, reason: 'Released by an operator' }, now);
}
