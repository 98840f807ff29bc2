import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { declareAccess } from './access.js';
import { principalOf } from './authenticated.request.js';
import type { AuthenticatedRequest } from './authenticated.request.js';
import type { Role } from './principal.js';

/** Lets everybody call a route, or every route of a controller, without a key. */
export function Public(): ClassDecorator & MethodDecorator {
  return declareAccess({ isPublic: true });
}

/** Lets keys with one of these roles call a route, or every route of a controller; an admin may call it anyway. */
export function Roles(...roles: readonly Role[]): ClassDecorator & MethodDecorator {
  return declareAccess({ roles });
}

/** Lets a caller in that has no key and shows a lease in `X-Lease-Id`. The handler must act under that lease only. */
export function LeaseCredential(): MethodDecorator {
  return declareAccess({ takesLease: true });
}

/** The route changes something although it is a GET: no page of another site may send it. */
export function ChangesSomething(): MethodDecorator {
  return declareAccess({ changes: true });
}

/** The `Principal` that makes the request. Not for public routes, which have none. */
export const CurrentPrincipal = createParamDecorator((_: unknown, context: ExecutionContext) =>
  principalOf(context.switchToHttp().getRequest<AuthenticatedRequest>()),
);
