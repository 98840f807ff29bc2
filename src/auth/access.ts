import 'reflect-metadata';
import type { Role } from './principal.js';

/** Who may call a route. */
export interface Access {
  /** No key is looked at. */
  readonly isPublic: boolean;
  /** Besides `admin`, who may call every route. */
  readonly roles: readonly Role[];
  /** Whether a lease will do instead of a key. */
  readonly takesLease: boolean;
  /** Whether it changes something although it is a GET. */
  readonly changes: boolean;
}

const ACCESS = Symbol('access');

const ADMIN_ONLY: Access = { isPublic: false, roles: [], takesLease: false, changes: false };

type Target = object;

/** Adds to what was said of a route or of a controller. */
export function declareAccess(part: Partial<Access>): ClassDecorator & MethodDecorator {
  return (target: Target, _property?: string | symbol, descriptor?: PropertyDescriptor) => {
    const subject = subjectOf(target, descriptor);
    const before = Reflect.getOwnMetadata(ACCESS, subject) as Partial<Access> | undefined;
    const declared = { ...before, ...part };
    // Either one alone is clear; which of both was meant is not.
    if (declared.isPublic && (declared.roles ?? declared.takesLease) !== undefined) {
      throw new Error('A route is either @Public() or has @Roles() and @LeaseCredential()');
    }
    Reflect.defineMetadata(ACCESS, declared, subject);
  };
}

/**
 * What is declared of a route: at the handler, or else at its class, or else admin only. A handler that takes roles or
 * a lease is not public, whatever its class is.
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
