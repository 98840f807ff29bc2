export const ROLES = ['producer', 'worker', 'viewer', 'admin'] as const;

export type Role = (typeof ROLES)[number];

/** Who makes a request, and what they may do. */
export interface Principal {
  /** The name of the key, never the key: fit for a log. */
  readonly keyId: string;
  readonly roles: readonly Role[];
  /** Names of queues; `*` is every queue. */
  readonly queues: readonly string[];
  /** The lease that the caller showed in `X-Lease-Id`. */
  readonly leaseId?: string;
}

/** Everybody, as long as no key is configured. */
export const ANYONE: Principal = Object.freeze<Principal>({
  keyId: 'anyone',
  roles: ['admin'],
  queues: ['*'],
});

export function mayUseQueue(principal: Principal, queue: string): boolean {
  return principal.queues.includes('*') || principal.queues.includes(queue);
}

/** Whether one may do all that the other may. */
export function covers(one: Principal, other: Principal): boolean {
  return (
    other.queues.every((queue) => mayUseQueue(one, queue)) &&
    other.roles.every((role) => hasRole(one, [role]))
  );
}

/** An admin has every role. */
export function hasRole(principal: Principal, roles: readonly Role[]): boolean {
  return principal.roles.some((role) => role === 'admin' || roles.includes(role));
}
