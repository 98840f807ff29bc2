import type { Instant, Seconds } from './clock.js';
import type { Labels } from './requirements.js';
import type { Backoff } from './retry-policy.js';
import { type FinalState, isFinalState, type TaskState } from './task-state.js';

/** What a producer asked for. It never changes after the enqueue. */
export interface TaskSpec {
  /** The public `eval_id`. */
  readonly id: string;
  readonly queue: string;
  /** Higher goes first. */
  readonly priority: number;
  readonly language: string;
  readonly engine: string;
  /** How long one attempt may run; a worker without heartbeats holds its lease this long plus the grace. */
  readonly timeout: Seconds;
  /** Failures allowed before the task is a dead letter. */
  readonly maxAttempts: number;
  /** Lost leases forgiven before the task is a dead letter. */
  readonly maxInterruptions: number;
  readonly backoff: Backoff;
  /** Start no earlier than this long after the enqueue. Excludes `runAt`. */
  readonly delay?: Seconds;
  /** Start no earlier than this. */
  readonly runAt?: Instant;
  /** Expire when not started this long after the enqueue. Excludes `expiresAt`. */
  readonly ttl?: Seconds;
  /** Expire when not started by then. */
  readonly expiresAt?: Instant;
  /** Whose it is: groups of a queue take turns, and may be limited each by itself. */
  readonly group?: string;
  /** What a worker must offer to get it. */
  readonly requires?: Labels;
  readonly batchId?: string;
  /** Is told of the end. */
  readonly callbackUrl?: string;
  readonly hasMetadata?: boolean;
  /** W3C trace context of the producer, handed on to the worker. */
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
  /** The claim call that got it; the same call again gets the same tasks. */
  readonly claimId?: string;
  readonly startedAt: Instant;
  /** What a heartbeat extends it by. */
  readonly length: Seconds;
  /** On the steady scale. */
  readonly expiresAt: Instant;
  /** When the last heartbeat came, on the wall. Records of earlier versions have none. */
  readonly beatAt?: Instant;
  /** How long the lease lasted from then on, where that is not its length. */
  readonly remaining?: Seconds;
  readonly progress?: Progress;
}

export type AttemptOutcome = 'completed' | 'failed' | 'lost' | 'released' | 'cancelled';

/** One finished attempt. Written once, kept as long as the task. */
export interface Attempt {
  /** 1-based, one more for each claim. */
  readonly attempt: number;
  readonly workerId?: string;
  readonly startedAt: Instant;
  readonly endedAt: Instant;
  readonly outcome: AttemptOutcome;
  readonly error?: string;
  readonly exitCode?: number;
}

/** What a task remembers of its latest attempt: enough to answer a repeated call and to say what went wrong. */
export interface LastAttempt {
  /** Absent when a worker without a lease reported late. */
  readonly leaseId?: string;
  readonly workerId?: string;
  readonly outcome: AttemptOutcome;
  /** The beginning of the error; the attempt history has all of it. */
  readonly error?: string;
  /** The history has more of the error than `error`. */
  readonly isErrorCut?: boolean;
  readonly exitCode?: number;
}

interface TaskCore {
  readonly spec: TaskSpec;
  readonly createdAt: Instant;
  /** Counts up with every write; a store replaces a task only by the revision it was read at. */
  readonly revision: number;
  /** Counts up with every transition; consumers of events order by it. */
  readonly sequence: number;
  /** Claims so far. */
  readonly attempt: number;
  readonly failures: number;
  readonly interruptions: number;
  /** Not started by then: expired. */
  readonly startBy?: Instant;
  readonly startedAt?: Instant;
  readonly last?: LastAttempt;
}

interface FinishedCore extends TaskCore {
  readonly finishedAt: Instant;
}

export interface DelayedTask extends TaskCore {
  readonly state: 'delayed';
  readonly runAt: Instant;
  /** When a retry, or a release, had it wait. A task that waits for its first start waits since it was enqueued. */
  readonly since?: Instant;
}

export interface QueuedTask extends TaskCore {
  readonly state: 'queued';
  /** When it became ready, for the last time. */
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
  /** Which budget ran out. */
  readonly outcome: 'failed' | 'lost';
}

export interface CancelledTask extends FinishedCore {
  readonly state: 'cancelled';
  readonly reason?: string;
}

export interface ExpiredTask extends FinishedCore {
  readonly state: 'expired';
}

/** The compiler checks that there is one interface for each final state. */
export type FinishedTask = TaskIn<CompletedTask | FailedTask | CancelledTask | ExpiredTask, FinalState>;
/** One interface for each state. */
export type Task = TaskIn<DelayedTask | QueuedTask | ProcessingTask | FinishedTask, TaskState>;

type TaskIn<Each extends { readonly state: TaskState }, States extends TaskState> = [States] extends [
  Each['state'],
]
  ? Each
  : never;

/** What a transition is called on the event stream. */
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
] as const;

/** Whether the task has ended: only a redrive or its removal follows. */
export function isFinished(task: Task): task is FinishedTask {
  return isFinalState(task.state);
}

/** How a task ended: its final state, or `lost` when its interruptions ran out. */
export type FinalOutcome = FinalState | FailedTask['outcome'];

export function finalOutcomeOf(task: FinishedTask): FinalOutcome {
  return task.state === 'failed' ? task.outcome : task.state;
}
