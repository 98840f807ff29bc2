import { ProblemError } from '../http/problem.error.js';
import type { Principal } from './principal.js';

const LEASE_ID = /^[A-Za-z0-9_-]{8,128}$/;

/** The key id of a caller that has a lease and no key. No key may be called so. */
export const LEASE_KEY_ID = 'lease';

/** Whether this looks like one lease id. `LeaseIds` knows whether it is one. */
export function isLeaseId(text: string): boolean {
  return LEASE_ID.test(text);
}

/**
 * A caller with nothing but a lease, such as a sandbox. It has no role, so it gets no further than the routes that take
 * a lease; there the life cycle refuses a lease that does not hold the task.
 */
export function bareLease(leaseId: string): Principal {
  return { keyId: LEASE_KEY_ID, roles: [], queues: ['*'], leaseId };
}

/**
 * The lease a request acts under: the one in `X-Lease-Id` or the one in the body.
 * @throws ProblemError `forbidden` when both are there and differ
 */
export function effectiveLeaseId(principal: Principal, bodyLeaseId: string | undefined): string | undefined {
  const { leaseId } = principal;
  if (leaseId === undefined) return bodyLeaseId;
  if (bodyLeaseId === undefined || bodyLeaseId === leaseId) return leaseId;
  throw new ProblemError('forbidden', 'The lease_id in the body differs from the one in X-Lease-Id');
}
