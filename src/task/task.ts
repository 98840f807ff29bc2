import type { Instant, Seconds } from './clock.js';
import type { Labels } from './requirements.js';
import type { Backoff } from './retry-policy.js';
import { type FinalState, isFinalState, type TaskState } from './task-state.js';

/** The task as the producer specified it. Immutable after the enqueue. */
export interface TaskSpec {
  /** The public `eval_id`. */
  readonly id: string;
  readonly queue: string;
  /** As enqueued. Higher priorities go first; see `priorityOf`. */
  readonly priority: number;
  readonly language: string;
  readonly engine: string;
  /** Maximum run time of one attempt. Without heartbeats the lease lasts this long plus the grace. */
  readonly timeout: Seconds;
  /** Failures allowed before the task is a dead letter. */
  readonly maxAttempts: number;
  /** Lost leases allowed before the task is a dead letter. */
  readonly maxInterruptions: number;
  readonly backoff: Backoff;
  /** Earliest start, as a time after the enqueue. Excludes `runAt`. */
  readonly delay?: Seconds;
  /** Earliest start. */
  readonly runAt?: Instant;
  /** The task expires when it has not started this long after the enqueue. Excludes `expiresAt`. */
  readonly ttl?: Seconds;
  /** The task expires when it has not started by then. */
  readonly expiresAt?: Instant;
  /** Time for all attempts together, from the enqueue. Excludes `deadlineAt`. */
  readonly deadline?: Seconds;
  /** When all attempts must be over. */
  readonly deadlineAt?: Instant;
  /** Groups of a queue take turns; each may have its own concurrency limit. */
  readonly group?: string;
  /** Labels that a worker must offer to claim the task. */
  readonly requires?: Labels;
  readonly batchId?: string;
  /** Receives a webhook when the task ends. */
  readonly callbackUrl?: string;
  readonly hasMetadata?: boolean;
  /** W3C trace context of the producer, passed to the worker. */
  readonly traceparent?: string;
}

export interface Progress {
  readonly percent?: number;
  readonly message?: string;
}

/** The right to work on a task until `expiresAt`. */
export interface Lease {
  /** The fencing token: opaque, unique, unguessable. */
  readonly id: string;
  readonly workerId?: string;
  /** The claim call that got the lease. Repeating the call returns the same tasks. */
  readonly claimId?: string;
  readonly startedAt: Instant;
  /** Length by which a heartbeat extends the lease. */
  readonly length: Seconds;
  /** On the steady scale. */
  readonly expiresAt: Instant;
  /**
   * Wall time of the last heartbeat. Before the first, the wall time of the claim if the wall clock was set since the store
   * opened. Earlier versions recorded none.
   */
  readonly beatAt?: Instant;
  /** Remaining time after that heartbeat, when it differs from the length. */
  readonly remaining?: Seconds;
  readonly progress?: Progress;
}

/** `deadline`: the task's deadline ended the attempt. */
export type AttemptOutcome = 'completed' | 'failed' | 'lost' | 'released' | 'cancelled' | 'deadline';

/** One finished attempt. Written once and kept as long as the task. */
export interface Attempt {
  /** 1-based, one more for each claim. */
  readonly attempt: number;
  readonly workerId?: string;
  readonly startedAt: Instant;
  readonly endedAt: Instant;
  readonly outcome: AttemptOutcome;
  readonly error?: string;
  readonly exitCode?: number;
  /** The worker's name for why the attempt ended, such as `oom`. */
  readonly cause?: string;
  /** The last progress that the worker reported. */
  readonly progress?: Progress;
  /** The interruption is part of an outage of the queue, and no budget is spent. */
  readonly isSpared?: true;
}

/** The latest attempt as kept in the task: enough to answer a repeated call and to report the error. */
export interface LastAttempt {
  /** Absent when a worker without a lease reported late. */
  readonly leaseId?: string;
  readonly workerId?: string;
  readonly outcome: AttemptOutcome;
  /** The beginning of the error. The attempt history has the full text. */
  readonly error?: string;
  /** The history has a longer error text than `error`. */
  readonly isErrorCut?: boolean;
  readonly exitCode?: number;
  readonly cause?: string;
}

/** Facts about the checkpoint that a worker saved. Its text is a payload, which the store keeps beside the task. */
export interface Checkpoint {
  /** The attempt that saved it. */
  readonly attempt: number;
  /** Size of its text. */
  readonly bytes: number;
}

interface TaskCore {
  readonly spec: TaskSpec;
  /** The priority that replaced that of the spec; absent while nothing did. */
  readonly priority?: number;
  readonly createdAt: Instant;
  /** Counts up with every write. A store replaces a task only at the revision that the caller read. */
  readonly revision: number;
  /** Counts up with every transition; consumers of events order by it. */
  readonly sequence: number;
  /** Claims so far. */
  readonly attempt: number;
  readonly failures: number;
  readonly interruptions: number;
  /** Interruptions by outages, which do not count. */
  readonly spared?: number;
  /** When the latest interruption happened that spent a budget. */
  readonly interruptedAt?: Instant;
  /** The task expires when it has not started by then; never later than its deadline. */
  readonly startBy?: Instant;
  /** When all attempts must be over. A running attempt loses its lease then. */
  readonly deadlineAt?: Instant;
  readonly startedAt?: Instant;
  readonly last?: LastAttempt;
  readonly checkpoint?: Checkpoint;
}

interface FinishedCore extends TaskCore {
  readonly finishedAt: Instant;
}

export interface DelayedTask extends TaskCore {
  readonly state: 'delayed';
  readonly runAt: Instant;
  /** When a retry or a release began the wait. A first wait begins at the enqueue. */
  readonly since?: Instant;
}

export interface QueuedTask extends TaskCore {
  readonly state: 'queued';
  /** When the task last became ready. */
  readonly queuedAt: Instant;
}

export interface ProcessingTask extends TaskCore {
  readonly state: 'processing';
  readonly queuedAt: Instant;
  readonly startedAt: Instant;
  readonly lease: Lease;
}

export interface CompletedTask extends FinishedCore {
  readonly state: 'completed';
}

export interface FailedTask extends FinishedCore {
  readonly state: 'failed';
  /** The budget that was spent, or `deadline` when the time was. */
  readonly outcome: 'failed' | 'lost' | 'deadline';
}

export interface CancelledTask extends FinishedCore {
  readonly state: 'cancelled';
  readonly reason?: string;
}

export interface ExpiredTask extends FinishedCore {
  readonly state: 'expired';
}

/** The compiler checks that every final state has one interface. */
export type FinishedTask = TaskIn<CompletedTask | FailedTask | CancelledTask | ExpiredTask, FinalState>;
/** One interface per state. */
export type Task = TaskIn<DelayedTask | QueuedTask | ProcessingTask | FinishedTask, TaskState>;

type TaskIn<Each extends { readonly state: TaskState }, States extends TaskState> = [States] extends [
  Each['state'],
]
  ? Each
  : never;

/** Names of transitions on the event stream. */
export type TransitionType = (typeof TRANSITION_TYPES)[number];

export const TRANSITION_TYPES = [
  'queued',
  'delayed',
  'processing',
  'completed',
  'failed',
  'retrying',
  'cancelled',
  'expired',
  'released',
  'lost',
  'reprioritized',
] as const;

/** The priority by which the task waits. */
export function priorityOf({ spec, priority = spec.priority }: Pick<Task, 'spec' | 'priority'>): number {
  return priority;
}

/** Whether the task has ended. Only a redrive or removal can follow. */
export function isFinished(task: Task): task is FinishedTask {
  return isFinalState(task.state);
}

/** How a task ended: its final state, `lost` when its interruptions ran out, or `deadline` when its time did. */
export type FinalOutcome = FinalState | FailedTask['outcome'];

export function finalOutcomeOf(task: FinishedTask): FinalOutcome {
  return task.state === 'failed' ? task.outcome : task.state;
}
