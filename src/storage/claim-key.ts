import type { Task } from '../task/task.js';

/**
 * The identity of a claim call: a `claim_id` is the worker's own, so two workers may use the same. The line between the
 * two names is the first one of the key, whatever the names are.
 */
export function claimKeyOf(workerId: string | undefined, claimId: string): string {
  return `${workerId === undefined ? '' : workerKeyOf(workerId)}\n${claimId}`;
}

/** The claim call that holds a task, when it had an id. */
export function holderOf(task: Task): string | undefined {
  if (task.state !== 'processing' || task.lease.claimId === undefined) return undefined;
  return claimKeyOf(task.lease.workerId, task.lease.claimId);
}

function workerKeyOf(workerId: string): string {
  return workerId === '' ? '%' : workerId.replaceAll(/[%\n]/g, encodeURIComponent);
}
