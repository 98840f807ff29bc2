import type { Task } from '../task/task.js';

/**
 * Identifies a claim call. Each worker chooses its own `claim_id`s, so two workers may use the same one. The worker's
 * part contains no newline, so the first newline separates the two parts.
 */
export function claimKeyOf(workerId: string | undefined, claimId: string): string {
  return `${workerId === undefined ? '' : workerKeyOf(workerId)}\n${claimId}`;
}

/** The claim call that holds a task; `undefined` when it had no id. */
export function holderOf(task: Task): string | undefined {
  if (task.state !== 'processing' || task.lease.claimId === undefined) return undefined;
  return claimKeyOf(task.lease.workerId, task.lease.claimId);
}

function workerKeyOf(workerId: string): string {
  return workerId === '' ? '%' : workerId.replaceAll(/[%\n]/g, encodeURIComponent);
}
