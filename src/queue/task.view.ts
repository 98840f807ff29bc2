import type { EnqueuedTask, ListedTask, TaskAttempt } from './dto/task.response.js';
import type { ClaimedTask as ClaimedTaskAnswer, KeptLease } from './dto/work.response.js';
import type { ClaimedTask, Payload } from '../storage/task-store.js';
import { withoutQuery } from '../config/web-address.js';
import type { Instant, Seconds } from '../task/clock.js';
import { leaseEnd } from '../task/task.machine.js';
import {
  type Attempt,
  finalOutcomeOf,
  isFinished,
  type Lease,
  priorityOf,
  type ProcessingTask,
  type Task,
} from '../task/task.js';
import type { PlacedTask } from './queue.service.js';

/** The JSON views of a task. Payloads are spliced in as their original text. */

/** ISO 8601, UTC, milliseconds. */
export function isoTime(instant: Instant): string {
  return new Date(instant).toISOString();
}

function isoTimeOrNull(instant: Instant | undefined): string | null {
  return instant === undefined ? null : isoTime(instant);
}

/** The response to an enqueue. */
export function enqueuedView({ task, position }: PlacedTask): EnqueuedTask {
  return {
    eval_id: task.spec.id,
    status: task.state,
    position: position ?? null,
    queue: task.spec.queue,
    priority: priorityOf(task),
    queued_at: isoTime(task.createdAt),
    run_at: task.state === 'delayed' ? isoTime(task.runAt) : null,
    message: messageOf(task, position),
  };
}

/** All fields of a task except its payload. */
export function taskView({ task, position }: PlacedTask): ListedTask {
  const { spec, last } = task;
  const lease = task.state === 'processing' ? task.lease : undefined;
  return {
    eval_id: spec.id,
    status: task.state,
    position: position ?? null,
    queued_at: isoTime(task.createdAt),
    message: messageOf(task, position),
    queue: spec.queue,
    priority: priorityOf(task),
    language: spec.language,
    engine: spec.engine,
    timeout: spec.timeout,
    group: spec.group ?? null,
    requires: spec.requires ?? null,
    batch_id: spec.batchId ?? null,
    callback_url: spec.callbackUrl === undefined ? null : withoutQuery(spec.callbackUrl),
    attempt: task.attempt,
    max_attempts: spec.maxAttempts,
    failures: task.failures,
    max_interruptions: spec.maxInterruptions,
    interruptions: task.interruptions,
    interruptions_spared: task.spared ?? 0,
    ready_at: task.state === 'queued' || task.state === 'processing' ? isoTime(task.queuedAt) : null,
    run_at: task.state === 'delayed' ? isoTime(task.runAt) : null,
    expires_at: isoTimeOrNull(task.startBy),
    deadline_at: isoTimeOrNull(task.deadlineAt),
    started_at: isoTimeOrNull(task.startedAt),
    finished_at: isFinished(task) ? isoTime(task.finishedAt) : null,
    worker_id: (lease === undefined ? last?.workerId : lease.workerId) ?? null,
    lease_expires_at: lease === undefined ? null : isoTime(leaseEnd(lease)),
    progress: lease?.progress ?? null,
    outcome: isFinished(task) ? finalOutcomeOf(task) : null,
    error: last?.error ?? null,
    exit_code: last?.exitCode ?? null,
    cause: last?.cause ?? null,
    checkpoint_attempt: task.checkpoint?.attempt ?? null,
    sequence: task.sequence,
  };
}

/** Members of a response that are already JSON text. */
type Spliced = 'code' | 'metadata' | 'checkpoint';

/** A claimed task as JSON text: all fields, the payload and the lease. */
export function claimedText({ task, payload, checkpoint }: ClaimedTask): string {
  const { spec, lease } = task;
  const view: Omit<ClaimedTaskAnswer, Spliced> & { metadata?: null } = {
    eval_id: spec.id,
    status: task.state,
    language: spec.language,
    engine: spec.engine,
    timeout: spec.timeout,
    priority: priorityOf(task),
    queue: spec.queue,
    queued_at: isoTime(task.createdAt),
    group: spec.group ?? null,
    requires: spec.requires ?? null,
    batch_id: spec.batchId ?? null,
    attempt: task.attempt,
    max_attempts: spec.maxAttempts,
    max_interruptions: spec.maxInterruptions,
    worker_id: lease.workerId ?? null,
    lease_id: lease.id,
    lease_expires_at: isoTime(leaseEnd(lease)),
    heartbeat_interval: intervalOf(lease),
    deadline_at: isoTimeOrNull(task.deadlineAt),
    traceparent: spec.traceparent ?? null,
    checkpoint_attempt: checkpoint === undefined ? null : (task.checkpoint?.attempt ?? null),
    ...(spec.hasMetadata ? undefined : { metadata: null }),
  };
  return splice(view, `"checkpoint":${checkpoint ?? 'null'},${payload}`);
}

export function claimedListText(claimed: readonly ClaimedTask[], command: 'drain' | null = null): string {
  const more = command === null ? '' : `,"command":"${command}"`;
  return `{"tasks":[${claimed.map(claimedText).join(',')}]${more}}`;
}

export function attemptView(attempt: Attempt): TaskAttempt {
  return {
    attempt: attempt.attempt,
    worker_id: attempt.workerId ?? null,
    started_at: isoTime(attempt.startedAt),
    ended_at: isoTime(attempt.endedAt),
    outcome: attempt.outcome,
    error: attempt.error ?? null,
    exit_code: attempt.exitCode ?? null,
    cause: attempt.cause ?? null,
    progress: attempt.progress ?? null,
    is_spared: attempt.isSpared ?? false,
  };
}

/** The response to a heartbeat. */
export function heartbeatView({ lease }: ProcessingTask, command: 'drain' | null): KeptLease {
  return {
    lease_expires_at: isoTime(leaseEnd(lease)),
    command,
    heartbeat_interval: intervalOf(lease),
  };
}

/** A third of the lease, so that two heartbeats can be lost. */
export function heartbeatInterval(leaseSeconds: Seconds): Seconds {
  return Math.max(Math.floor((leaseSeconds * 1000) / 3) / 1000, 0.1);
}

/** A lease that the task's deadline cuts short has a shorter interval, by which workers know when it ends. */
function intervalOf({ length, remaining = length }: Lease): Seconds {
  return heartbeatInterval(Math.min(length, remaining));
}

/** The JSON object of a view with further members that are already JSON text. */
export function splice(view: object, members: Payload): string {
  const text = JSON.stringify(view);
  return members === '' ? text : `${text.slice(0, -1)},${members}}`;
}

const FAILED_MESSAGES = {
  failed: 'Task failed',
  lost: 'Task failed: its workers were lost too often',
  deadline: 'Task failed: its deadline passed',
} as const;

function messageOf(task: Task, position: number | undefined): string {
  switch (task.state) {
    case 'delayed':
      return `Task waits until ${isoTime(task.runAt)}`;
    case 'queued':
      return position === undefined ? 'Task is queued' : `Task is queued at position ${position}`;
    case 'processing':
      return `Task is being processed, attempt ${task.attempt}`;
    case 'completed':
      return 'Task is completed';
    case 'failed':
      return FAILED_MESSAGES[task.outcome];
    case 'cancelled':
      return task.reason === undefined ? 'Task was cancelled' : `Task was cancelled: ${task.reason}`;
    case 'expired':
      return 'Task expired before it was started';
  }
}
