import type { Task } from '../task/task.js';

/** The identity of a claim call: a `claim_id` is the worker's own, so two workers may use the same. */
export function claimKeyOf(workerId: string | undefined, claimId: string): string {
  return `${workerId ?? ''}\n${claimId}`;
}

/** The claim call that holds a task, when it had an id. */
export function holderOf(task: Task): string | undefined {
  if (task.state !== 'processing' || task.lease.claimId === undefined) return undefined;
  return claimKeyOf(task.lease.workerId, task.lease.claimId);
}
