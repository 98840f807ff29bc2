import 'reflect-metadata';
import type { Role } from './principal.js';

/** The permissions that a route requires. */
export interface Access {
  /** The route ignores keys. */
  readonly isPublic: boolean;
  /** The roles that can call the route, besides `admin`. */
  readonly roles: readonly Role[];
  /** Whether a lease can replace a key. */
  readonly takesLease: boolean;
  /** Whether the route changes data although it is a GET. */
  readonly changes: boolean;
}

const ACCESS = Symbol('access');

const ADMIN_ONLY: Access = { isPublic: false, roles: [], takesLease: false, changes: false };

type Target = object;

/** Adds to the declared access of a route or a controller. */
export function declareAccess(part: Partial<Access>): ClassDecorator & MethodDecorator {
  return (target: Target, _property?: string | symbol, descriptor?: PropertyDescriptor) => {
    const subject = subjectOf(target, descriptor);
    const before = Reflect.getOwnMetadata(ACCESS, subject) as Partial<Access> | undefined;
    const declared = { ...before, ...part };
    // Together they are ambiguous.
    if (declared.isPublic && (declared.roles ?? declared.takesLease) !== undefined) {
      throw new Error('A route is either @Public() or has @Roles() and @LeaseCredential()');
    }
    Reflect.defineMetadata(ACCESS, declared, subject);
  };
}

/**
 * The declared access of a route: from the handler, else from its class, else admin only. A handler that declares roles
 * or a lease is not public, even in a public class.
 */
export function accessOf(handler: Target, controller: Target): Access {
  const near = declaredAt(handler);
  const far = declaredAt(controller);
  if (!near) return { ...ADMIN_ONLY, ...far };
  return { ...ADMIN_ONLY, roles: far?.roles ?? [], ...near };
}

function declaredAt(subject: Target): Partial<Access> | undefined {
  return Reflect.getMetadata(ACCESS, subject) as Partial<Access> | undefined;
}

function subjectOf(target: Target, descriptor: PropertyDescriptor | undefined): Target {
  const handler: unknown = descriptor?.value;
  return typeof handler === 'function' ? handler : target;
}
