import type { TaskState } from './task-state.js';

/** Why a lease no longer holds its task. */
export type LeaseLostReason = 'expired' | 'cancelled' | 'reassigned' | 'cleared';

/** A command that the state machine rejects. The task is unchanged. */
export abstract class TaskError extends Error {
  abstract readonly code: string;
  override get name(): string {
    return this.constructor.name;
  }
}

export class TaskNotFound extends TaskError {
  readonly code = 'task_not_found';
  /** @param id omitted when the given text is not a valid task id */
  constructor(id?: string) {
    const which = id === undefined ? 'There is no such task' : `There is no task ${id}`;
    super(`${which}; it was never enqueued, was removed, or its retention has ended`);
  }
}

export class TaskConflict extends TaskError {
  readonly code = 'conflict';
  constructor(id: string) {
    super(`Task ${id} exists with other content; use another eval_id for new work`);
  }
}

export class NotClaimed extends TaskError {
  readonly code = 'not_claimed';
  constructor(id: string) {
    super(`Task ${id} was never claimed; claim it before you report on it`);
  }
}

/** An operator's command needs a holder. */
export class NotHeld extends TaskError {
  readonly code = 'not_claimed';
  constructor(id: string) {
    super(`No worker holds task ${id}`);
  }
}

export class LeaseLost extends TaskError {
  readonly code = 'lease_lost';
  constructor(
    id: string,
    readonly reason: LeaseLostReason,
  ) {
    super(`The lease on task ${id} has ended (${reason}); stop the work`);
  }
}

export class LeaseRequired extends TaskError {
  readonly code = 'lease_required';
  constructor(id: string) {
    super(`Task ${id} can only be finished with the lease_id that its claim returned`);
  }
}

export class TaskDamaged extends TaskError {
  readonly code = 'task_damaged';
  constructor(readonly id: string) {
    super(
      `Task ${id} is damaged on disk and quarantined; restore a backup, or enqueue it under another eval_id`,
    );
  }
}

export class TaskEnded extends TaskError {
  readonly code = 'task_ended';
  constructor(id: string, state: TaskState) {
    super(`Task ${id} has already ended as ${state}`);
  }
}

export class TaskNotFinished extends TaskError {
  readonly code = 'not_finished';
  constructor(id: string, state: TaskState) {
    super(`Task ${id} is ${state}; cancel it first, only ended tasks can be deleted`);
  }
}

export class NotWaiting extends TaskError {
  readonly code = 'not_waiting';
  constructor(id: string, state: TaskState) {
    super(`Task ${id} is ${state}; the priority of a task can change only while it is queued or delayed`);
  }
}

export class NotRedrivable extends TaskError {
  readonly code = 'not_redrivable';
  constructor(id: string, state: TaskState) {
    super(`Task ${id} is ${state}; only failed, expired and cancelled tasks can be redriven`);
  }
}
