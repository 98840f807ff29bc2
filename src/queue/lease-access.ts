import { effectiveLeaseId, LEASE_KEY_ID } from '../auth/lease-credential.js';
import type { Principal } from '../auth/principal.js';
import { ProblemError } from '../http/problem.error.js';
import { LeaseLost, TaskNotFound } from '../task/task.errors.js';

/** @throws ProblemError `lease_required` */
export function requiredLease(principal: Principal, bodyLeaseId: string | undefined): string {
  const leaseId = effectiveLeaseId(principal, bodyLeaseId);
  if (leaseId === undefined)
    throw new ProblemError('lease_required', 'Send the lease_id that the claim returned');
  return leaseId;
}

/** Gives a lease without a key the same answer for tasks that it does not hold and tasks that do not exist. */
export async function underLease<T>({ keyId }: Principal, report: Promise<T>, id: string): Promise<T> {
  try {
    return await report;
  } catch (error) {
    if (keyId === LEASE_KEY_ID && error instanceof TaskNotFound) throw new LeaseLost(id, 'reassigned');
    throw error;
  }
}
