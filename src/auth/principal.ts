export const ROLES = ['producer', 'worker', 'viewer', 'admin'] as const;

export type Role = (typeof ROLES)[number];

/** The caller of a request and its permissions. */
export interface Principal {
  /** The id of the key, safe to log. Never the key itself. */
  readonly keyId: string;
  readonly roles: readonly Role[];
  /** Names of queues; `*` means all queues. */
  readonly queues: readonly string[];
  /** The lease in `X-Lease-Id`. */
  readonly leaseId?: string;
}

/** Any caller, while no key is configured. */
export const ANYONE: Principal = Object.freeze<Principal>({
  keyId: 'anyone',
  roles: ['admin'],
  queues: ['*'],
});

export function mayUseQueue(principal: Principal, queue: string): boolean {
  return principal.queues.includes('*') || principal.queues.includes(queue);
}

/** Whether the first principal has all permissions of the second. */
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
