import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { declareAccess } from './access.js';
import { principalOf } from './authenticated-request.js';
import type { AuthenticatedRequest } from './authenticated-request.js';
import type { Role } from './principal.js';

/** Opens a route, or every route of a controller, to callers without a key. */
export function Public(): ClassDecorator & MethodDecorator {
  return declareAccess({ isPublic: true });
}

/** Opens a route, or every route of a controller, to keys with one of these roles. Admins can always call it. */
export function Roles(...roles: readonly Role[]): ClassDecorator & MethodDecorator {
  return declareAccess({ roles });
}

/** Accepts a lease in `X-Lease-Id` instead of a key. The handler must act under that lease only. */
export function LeaseCredential(): MethodDecorator {
  return declareAccess({ takesLease: true });
}

/** Marks a GET that changes data, so that cross-site requests are rejected. */
export function ChangesSomething(): MethodDecorator {
  return declareAccess({ changes: true });
}

/** The `Principal` of the request. Public routes have none. */
export const CurrentPrincipal = createParamDecorator((_: unknown, context: ExecutionContext) =>
  principalOf(context.switchToHttp().getRequest<AuthenticatedRequest>()),
);
