import { hash } from 'node:crypto';
import { mayUseQueue, type Principal } from '../auth/principal.js';
import { LEASE_KEY_ID } from '../auth/lease-credential.js';
import { ProblemError } from '../http/problem.error.js';
import { TaskNotFound } from '../task/task.errors.js';
import type { Task } from '../task/task.js';

/** Throws if the caller has no access to this task. */
export type TaskGuard = (task: Task) => void;

/**
 * Checks access to a queue that the caller names.
 *
 * @throws ProblemError `forbidden` when the key has no access to this queue
 */
export function requireQueue(principal: Principal, queue: string): void {
  if (!mayUseQueue(principal, queue))
    throw new ProblemError('forbidden', `This key has no access to queue ${queue}`);
}

/** @throws ProblemError `forbidden` when the key has no access to one of these queues */
export function requireQueues(principal: Principal, queues: readonly string[]): void {
  for (const queue of queues) requireQueue(principal, queue);
}

/**
 * Limits a key to the tasks of its queues, and a lease without a key to the task of its lease. Other tasks are refused
 * like unknown ones, so the response reveals nothing about them.
 */
export function guardFor(principal: Principal): TaskGuard {
  return (task) => {
    if (!maySeeTask(principal, task)) throw new TaskNotFound(task.spec.id);
  };
}

/** @throws TaskNotFound when the key has no access to the task's queue */
export function requireVisible(principal: Principal, task: Task): Task {
  guardFor(principal)(task);
  return task;
}

function maySeeTask({ keyId, leaseId, ...principal }: Principal, task: Task): boolean {
  if (keyId !== LEASE_KEY_ID) return mayUseQueue({ keyId, ...principal }, task.spec.queue);
  const held = task.state === 'processing' ? task.lease.id : undefined;
  return leaseId !== undefined && (leaseId === held || leaseId === task.last?.leaseId);
}

/**
 * The scope of a key's claim ids: keys for different queues cannot share a claim. All keys with access to every queue
 * share a scope, and so do keys for the same queues, such as a rotated key.
 */
export function claimScopeOf({ queues }: Principal): string {
  if (queues.includes('*')) return '';
  return `\n${hash('sha256', JSON.stringify([...new Set(queues)].sort()), 'base64url')}`;
}

/** Viewers see the state of a task without its payload. */
export function seesPayloads(principal: Principal): boolean {
  return principal.roles.some((role) => role !== 'viewer');
}

/** The queues that a reader sees: the requested ones, or all with access; `undefined` means every queue. */
export function visibleQueues(
  principal: Principal,
  asked: readonly string[] | undefined,
): readonly string[] | undefined {
  if (asked !== undefined) {
    requireQueues(principal, asked);
    return asked;
  }
  return principal.queues.includes('*') ? undefined : principal.queues;
}
