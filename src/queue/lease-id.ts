import { randomFillSync } from 'node:crypto';

/** 144 bits: nobody guesses a lease. */
const RANDOM_BYTES = 18;
const LEASE_ID = /^([0-9a-z]{1,11})-[A-Za-z0-9_-]{24}$/;

// One call of the random source for many ids: it costs as much for 18 bytes as for thousands.
const pool = Buffer.alloc(RANDOM_BYTES * 256);
let used = pool.length;

/**
 * A new fencing token: random, behind the generation of the store it was given out in. The generation tells a lease
 * that a clear ended from one that never was; it proves nothing and need not.
 */
export function newLeaseId(generation: number): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.toString('base64url', used, used + RANDOM_BYTES);
  used += RANDOM_BYTES;
  return `${generation.toString(36)}-${random}`;
}

/** The generation that a lease was given out in; `undefined` when it is none of ours. */
export function generationOf(leaseId: string): number | undefined {
  const generation = LEASE_ID.exec(leaseId)?.[1];
  return generation === undefined ? undefined : Number.parseInt(generation, 36);
}
