import { createHash } from 'node:crypto';
import type { TaskState } from '../../src/task/task-state.js';
import type { EnqueueOp, Grant, Ms, Untimed } from '../support/history.js';

/** A task as the load makes it. Sent again, it is the same to the byte. */
export interface LoadTask {
  readonly eval_id: string;
  readonly code: string;
  readonly metadata: object;
  readonly queue: string;
  readonly group?: string;
  readonly priority: number;
  /** Seconds. */
  readonly timeout: number;
  readonly delay?: number;
  readonly ttl?: number;
  readonly max_attempts: number;
  readonly max_interruptions: number;
  readonly backoff: object;
}

/** A task as the service hands it out. */
export interface TaskBody {
  readonly eval_id: string;
  readonly status: TaskState;
  readonly code: string;
  readonly metadata: object;
  readonly attempt: number;
  readonly lease_id: string;
}

/** What a history says of an enqueue. */
export function enqueueOf(task: LoadTask): Omit<Untimed<EnqueueOp>, 'res'> {
  return {
    f: 'enqueue',
    id: task.eval_id,
    queue: task.queue,
    group: task.group,
    hash: hashOf(task),
    priority: task.priority,
    delayMs: (task.delay ?? 0) * 1000,
    ttlMs: task.ttl === undefined ? undefined : task.ttl * 1000,
    maxAttempts: task.max_attempts,
    maxInterruptions: task.max_interruptions,
  };
}

/** What a history says of a task that was handed out. */
export function grantOf(task: TaskBody, leaseMs: Ms): Grant {
  const { eval_id: id, lease_id: token, attempt } = task;
  return { id, token, attempt, leaseMs, hash: hashOf(task) };
}

function hashOf({ code, metadata }: { readonly code: string; readonly metadata: object }): string {
  return createHash('sha256').update(code).update('\n').update(JSON.stringify(metadata)).digest('base64url');
}
