import { hash } from 'node:crypto';
import { mayUseQueue, type Principal } from '../auth/principal.js';
import { LEASE_KEY_ID } from '../auth/lease.credential.js';
import { ProblemError } from '../http/problem.error.js';
import { TaskNotFound } from '../task/task.errors.js';
import type { Task } from '../task/task.js';

/** Throws when the caller may not act on this task. */
export type TaskGuard = (task: Task) => void;

/**
 * For a queue that the caller names itself.
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
 * Lets a key act on the tasks of its queues only, and a lease without a key on the task that it holds or held last. Any
 * other task is refused in the words for a task that does not exist, so the answer tells nothing about it.
 */
export function guardFor(principal: Principal): TaskGuard {
  return (task) => {
    if (!maySeeTask(principal, task)) throw new TaskNotFound(task.spec.id);
  };
}

/** @throws TaskNotFound when the task is outside the caller's queues */
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
 * What is added to the claim ids of a key, so that a key for other queues cannot have meant the same claim. The keys
 * that may use every queue share theirs, and so do keys for the same queues, such as the one that replaces another.
 */
export function claimScopeOf({ queues }: Principal): string {
  if (queues.includes('*')) return '';
  return `\n${hash('sha256', JSON.stringify([...new Set(queues)].sort()), 'base64url')}`;
}

/** Viewers see that a task is there and how it fares, not what it is about. */
export function seesPayloads(principal: Principal): boolean {
  return principal.roles.some((role) => role !== 'viewer');
}

/** The queues that a reader sees: those asked for, or all of its own; `undefined` is every queue there is. */
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
