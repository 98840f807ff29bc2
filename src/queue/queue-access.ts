import { mayUseQueue, type Principal } from '../auth/principal.js';
import { ProblemError } from '../http/problem.error.js';
import type { Task } from '../task/task.js';

/** Throws when the caller may not act on this task. */
export type TaskGuard = (task: Task) => void;

/** @throws ProblemError `forbidden` when the key is not for this queue */
export function requireQueue(principal: Principal, queue: string): void {
  if (!mayUseQueue(principal, queue))
    throw new ProblemError('forbidden', `This key may not use queue ${queue}`);
}

/** @throws ProblemError `forbidden` when the key is not for one of these queues */
export function requireQueues(principal: Principal, queues: readonly string[]): void {
  for (const queue of queues) requireQueue(principal, queue);
}

/** Lets a key act on the tasks of its own queues only. */
export function guardFor(principal: Principal): TaskGuard {
  return ({ spec }) => {
    requireQueue(principal, spec.queue);
  };
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
