import { ProblemError } from '../http/problem.error.js';
import type { Principal } from './principal.js';

const LEASE_ID = /^[A-Za-z0-9_-]{8,128}$/;

/** The key id of a caller that has a lease and no key. The key file rejects this id. */
export const LEASE_KEY_ID = 'lease';

/** Whether the text has the form of a lease id. `LeaseIds` verifies it. */
export function isLeaseId(text: string): boolean {
  return LEASE_ID.test(text);
}

/**
 * A caller with a lease and no key, such as a sandbox. It has no role, so it reaches only routes that accept a lease.
 * The state machine rejects the lease if it does not hold the task.
 */
export function bareLease(leaseId: string): Principal {
  return { keyId: LEASE_KEY_ID, roles: [], queues: ['*'], leaseId };
}

/**
 * The lease a request acts under, from `X-Lease-Id` or the body.
 * @throws ProblemError `forbidden` when both are present and differ
 */
export function effectiveLeaseId(principal: Principal, bodyLeaseId: string | undefined): string | undefined {
  const { leaseId } = principal;
  if (leaseId === undefined) return bodyLeaseId;
  if (bodyLeaseId === undefined || bodyLeaseId === leaseId) return leaseId;
  throw new ProblemError('forbidden', 'The lease_id in the body differs from the one in X-Lease-Id');
}
