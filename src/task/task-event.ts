import type { Instant } from './clock.js';
import type { LastAttempt, TransitionType } from './task.js';
import type { TaskState } from './task-state.js';
import { ERROR_EXCERPT_LENGTH, type Step } from './task.machine.js';

/** One transition of one task as the outside sees it. Never what the task was given or produced. */
export interface TaskEvent {
  /** Counts up over all tasks. */
  readonly id: number;
  readonly type: TransitionType;
  readonly eval_id: string;
  readonly queue: string;
  /** The state after the transition. */
  readonly status: TaskState;
  /** Counts up per task: a consumer drops what is older than what it has seen. */
  readonly sequence: number;
  /** ISO 8601, UTC, milliseconds. */
  readonly timestamp: string;
  /** Claims so far. */
  readonly attempt: number;
  /** Who took the task, or whose attempt this ended. */
  readonly worker_id?: string;
  /** The beginning of what the worker reported. */
  readonly error?: string;
}

/** The event that tells of a transition. @param id the number that the store gave it */
export function toTaskEvent(step: Step, id: number): TaskEvent {
  const { type, task, at } = step;
  return {
    id,
    type,
    eval_id: task.spec.id,
    queue: task.spec.queue,
    status: task.state,
    sequence: task.sequence,
    timestamp: timestampOf(at),
    attempt: task.attempt,
    worker_id: workerOf(step),
    error: type === 'failed' || type === 'retrying' ? errorExcerpt(task.last) : undefined,
  };
}

// Many transitions are made at the same instant.
let latest = { at: NaN, text: '' };

function timestampOf(at: Instant): string {
  if (latest.at !== at) latest = { at, text: new Date(at).toISOString() };
  return latest.text;
}

/** The worker that this transition is about; a task remembers its last one also when it plays no part. */
function workerOf({ type, task, ended }: Step): string | undefined {
  switch (type) {
    case 'processing':
      return task.state === 'processing' ? task.lease.workerId : undefined;
    case 'completed':
    case 'failed':
    case 'retrying':
    case 'released':
    case 'lost':
      return task.last?.workerId;
    case 'cancelled':
      return ended?.workerId;
    case 'queued':
    case 'delayed':
    case 'expired':
      return undefined;
  }
}

function errorExcerpt(last: LastAttempt | undefined): string | undefined {
  const error = last?.error;
  if (error === undefined) return undefined;
  const isCut = last?.isErrorCut === true || error.length > ERROR_EXCERPT_LENGTH;
  const excerpt = error.slice(0, ERROR_EXCERPT_LENGTH);
  // Where the text was cut, half of a code point may be left at its end.
  return isCut ? excerpt.replace(/[\uD800-\uDBFF]$/, '') : excerpt;
}
