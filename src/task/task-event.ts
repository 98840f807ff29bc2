import type { Instant } from './clock.js';
import { type LastAttempt, priorityOf, type TransitionType } from './task.js';
import type { TaskState } from './task-state.js';
import { ERROR_EXCERPT_LENGTH, type Transition } from './task.machine.js';

/** One transition of one task as published to clients. Never contains payload or output. */
export interface TaskEvent {
  /** Counts up over all tasks. */
  readonly id: number;
  readonly type: TransitionType;
  readonly eval_id: string;
  readonly queue: string;
  /** The state after the transition. */
  readonly status: TaskState;
  /** Counts up per task. Consumers drop events with a sequence lower than one they have seen. */
  readonly sequence: number;
  /** ISO 8601, UTC, milliseconds. */
  readonly timestamp: string;
  /** Claims so far. */
  readonly attempt: number;
  /** The worker that claimed the task, or whose attempt ended. */
  readonly worker_id?: string;
  /** The beginning of the reported error. */
  readonly error?: string;
  /** The worker's name for why the attempt ended. */
  readonly cause?: string;
  /** The new priority, of the type `reprioritized`. */
  readonly priority?: number;
  /** The queue is in an outage: the interruption spends no budget. */
  readonly outage?: true;
}

/** Builds the event of a transition. @param id the number that the store assigned */
export function toTaskEvent(transition: Transition, id: number): TaskEvent {
  const { type, task, at } = transition;
  return {
    id,
    type,
    eval_id: task.spec.id,
    queue: task.spec.queue,
    status: task.state,
    sequence: task.sequence,
    timestamp: timestampOf(at),
    attempt: task.attempt,
    worker_id: workerOf(transition),
    error: type === 'failed' || type === 'retrying' ? errorExcerpt(task.last) : undefined,
    cause: transition.ended?.cause,
    priority: type === 'reprioritized' ? priorityOf(task) : undefined,
    outage: transition.ended?.isSpared,
  };
}

// Many transitions share one instant.
let latest = { at: NaN, text: '' };

function timestampOf(at: Instant): string {
  if (latest.at !== at) latest = { at, text: new Date(at).toISOString() };
  return latest.text;
}

/** The worker of this transition. A task keeps its last worker even when the transition does not involve it. */
function workerOf({ type, task, ended }: Transition): string | undefined {
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
    case 'reprioritized':
      return undefined;
  }
}

function errorExcerpt(last: LastAttempt | undefined): string | undefined {
  const error = last?.error;
  if (error === undefined) return undefined;
  const isCut = last?.isErrorCut === true || error.length > ERROR_EXCERPT_LENGTH;
  const excerpt = error.slice(0, ERROR_EXCERPT_LENGTH);
  // The cut may have split a surrogate pair.
  return isCut ? excerpt.replace(/[\uD800-\uDBFF]$/, '') : excerpt;
}
