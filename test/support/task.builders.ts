/**
 * Tasks, moments and a clock for tests, with defaults; a test names only what matters to it.
 *
 * The default story, in milliseconds: enqueued at 0, claimed at 1,000 by `worker-1` with `lease-1`, which lasts
 * 60 s (the timeout of 30 s and a grace of 30 s) and so ends at 61,000; ended tasks ended at 2,000.
 */
import { Clock, type Instant, type Moment, type Seconds } from '../../src/task/clock.js';
import { DEFAULT_BACKOFF } from '../../src/task/retry-policy.js';
import type { Grant } from '../../src/task/task.machine.js';
import type {
  CancelledTask,
  CompletedTask,
  DelayedTask,
  ExpiredTask,
  FailedTask,
  LastAttempt,
  Lease,
  ProcessingTask,
  QueuedTask,
  Task,
  TaskSpec,
} from '../../src/task/task.js';
import type { TaskState } from '../../src/task/task-state.js';

/** Fields to override. Those of the spec go under `spec`. */
export type With<T extends Task> = Partial<Omit<T, 'state' | 'spec' | 'lease'>> & {
  readonly spec?: Partial<TaskSpec>;
};

/** The moment when both scales read `milliseconds`. */
export function at(milliseconds: Instant): Moment {
  return { wall: milliseconds, steady: milliseconds };
}

/** A moment after somebody set the wall clock. */
export function moment(wall: Instant, steady: Instant): Moment {
  return { wall, steady };
}

/** A clock that stands still until a test moves it. */
export class FakeClock extends Clock {
  private moment: Moment;

  constructor(start: Instant = Date.UTC(2026, 0, 1)) {
    super();
    this.moment = at(start);
  }

  now(): Moment {
    return this.moment;
  }

  /** Time passes, on both scales. */
  advance(milliseconds: number): void {
    const { wall, steady } = this.moment;
    this.moment = moment(wall + milliseconds, steady + milliseconds);
  }

  /** Time passes, on both scales. */
  advanceSeconds(seconds: Seconds): void {
    this.advance(seconds * 1000);
  }

  /** Somebody sets the wall clock, forwards or back; no time passes. */
  setWall(wall: Instant): void {
    this.moment = moment(wall, this.moment.steady);
  }
}

export function spec(overrides: Partial<TaskSpec> = {}): TaskSpec {
  return {
    id: 'task-1',
    queue: 'default',
    priority: 1,
    language: 'python',
    engine: 'docker',
    timeout: 30,
    maxAttempts: 1,
    maxInterruptions: 3,
    backoff: DEFAULT_BACKOFF,
    ...overrides,
  };
}

export function grant(overrides: Partial<Grant> = {}): Grant {
  return { leaseId: 'lease-1', workerId: 'worker-1', grace: 30, ...overrides };
}

export function lease(overrides: Partial<Lease> = {}): Lease {
  return {
    id: 'lease-1',
    workerId: 'worker-1',
    startedAt: 1_000,
    length: 60,
    expiresAt: 61_000,
    ...overrides,
  };
}

export function lastAttempt(overrides: Partial<LastAttempt> = {}): LastAttempt {
  return { leaseId: 'lease-1', workerId: 'worker-1', outcome: 'failed', ...overrides };
}

const NEW = { createdAt: 0, revision: 1, sequence: 1, attempt: 0, failures: 0, interruptions: 0 };

const CLAIMED = { ...NEW, revision: 2, sequence: 2, attempt: 1, startedAt: 1_000 };

const ENDED = { ...CLAIMED, revision: 3, sequence: 3, finishedAt: 2_000 };

/** Waits for its time, 5,000; never claimed. */
export function delayedTask(overrides: With<DelayedTask> = {}): DelayedTask {
  return { ...NEW, runAt: 5_000, ...overrides, spec: spec(overrides.spec), state: 'delayed' };
}

/** Ready since 0; never claimed. */
export function queuedTask(overrides: With<QueuedTask> = {}): QueuedTask {
  return { ...NEW, queuedAt: 0, ...overrides, spec: spec(overrides.spec), state: 'queued' };
}

/** In its first attempt, held with `lease-1` until 61,000. */
export function processingTask(
  overrides: With<ProcessingTask> & { readonly lease?: Partial<Lease> } = {},
): ProcessingTask {
  return {
    ...CLAIMED,
    queuedAt: 0,
    ...overrides,
    spec: spec(overrides.spec),
    lease: lease(overrides.lease),
    state: 'processing',
  };
}

/** Completed in its first attempt. */
export function completedTask(overrides: With<CompletedTask> = {}): CompletedTask {
  const last = lastAttempt({ outcome: 'completed' });
  return { ...ENDED, last, ...overrides, spec: spec(overrides.spec), state: 'completed' };
}

/** A dead letter: its only attempt failed. */
export function failedTask(overrides: With<FailedTask> = {}): FailedTask {
  const last = lastAttempt({ error: 'exit 1' });
  return {
    ...ENDED,
    failures: 1,
    outcome: 'failed',
    last,
    ...overrides,
    spec: spec(overrides.spec),
    state: 'failed',
  };
}

/** Cancelled while it was being worked on. */
export function cancelledTask(overrides: With<CancelledTask> = {}): CancelledTask {
  const last = lastAttempt({ outcome: 'cancelled' });
  return { ...ENDED, last, ...overrides, spec: spec(overrides.spec), state: 'cancelled' };
}

/** A dead letter: never claimed within its time, 1,000. */
export function expiredTask(overrides: With<ExpiredTask> = {}): ExpiredTask {
  const waited = { ...NEW, revision: 2, sequence: 2, startBy: 1_000, finishedAt: 1_000 };
  return { ...waited, ...overrides, spec: spec(overrides.spec), state: 'expired' };
}

/** The default task of each state. */
export const TASK_IN = {
  delayed: delayedTask(),
  queued: queuedTask(),
  processing: processingTask(),
  completed: completedTask(),
  failed: failedTask(),
  cancelled: cancelledTask(),
  expired: expiredTask(),
} as const satisfies Record<TaskState, Task>;
