import { hasRole, type Principal, type Role } from '../../auth/principal.js';
import { ProblemError } from '../../http/problem.error.js';

/** @throws ProblemError `forbidden` when the key lacks the role; an admin has every role */
export function requireRole(principal: Principal, role: Role): void {
  if (hasRole(principal, [role])) return;
  throw new ProblemError(
    'forbidden',
    `The key ${principal.keyId} can only read; use a key with the role ${role} or admin`,
  );
}
