import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { isCrossSite } from '../http/cross-site.js';
import { ProblemError } from '../http/problem.error.js';
import { accessOf } from './access.js';
import type { Access } from './access.js';
import type { AuthenticatedRequest, Gate } from './authenticated-request.js';
import { Authenticator } from './authenticator.js';
import { LEASE_KEY_ID } from './lease-credential.js';
import { covers, hasRole } from './principal.js';
import type { Principal } from './principal.js';

/**
 * Admits a request or answers 401, 403 or 429 before its body is read. A route without declared access requires an
 * admin. Decides synchronously, except for the first lease after a start during an outage: that one waits for the
 * store.
 */
@Injectable()
export class AuthGuard implements CanActivate, Gate {
  /** By class, then by handler: several classes can inherit one handler. */
  private readonly accesses = new WeakMap<object, Map<object, Access>>();

  constructor(private readonly authenticator: Authenticator) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const access = this.accessOf(context.getHandler(), context.getClass());
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    if ((access.changes || !isSafe(request)) && isCrossSite(request)) throw crossSite();
    if (access.isPublic) return true;
    const prepared = this.authenticator.prepare(request, access.takesLease);
    if (prepared !== undefined) return prepared.then(() => this.admit(request, access));
    return this.admit(request, access);
  }

  requireEntry(request: AuthenticatedRequest): void {
    const { principal: then } = request;
    if (then === undefined || then.keyId === LEASE_KEY_ID) return;
    const now = this.authenticator.again(request);
    if (now === then) return;
    if (now === undefined)
      throw new ProblemError('unauthorized', `The API key ${then.keyId} is no longer valid`);
    if (!covers(now, then))
      throw new ProblemError(
        'forbidden',
        `The API key ${now.keyId} has lost permissions since the request began`,
      );
  }

  onChange(callback: () => void): () => void {
    return this.authenticator.onChange(callback);
  }

  private admit(request: AuthenticatedRequest, access: Access): boolean {
    const principal = this.authenticator.authenticate(request, access.takesLease);
    if (!mayEnter(principal, access)) {
      this.authenticator.reportForbidden(request, principal);
      throw new ProblemError('forbidden', missingRole(principal, access));
    }
    request.principal = principal;
    request.gate = this;
    return true;
  }

  private accessOf(handler: object, controller: object): Access {
    const known = this.accesses.get(controller)?.get(handler);
    if (known) return known;
    const access = accessOf(handler, controller);
    const siblings = this.accesses.get(controller) ?? new Map<object, Access>();
    this.accesses.set(controller, siblings.set(handler, access));
    return access;
  }
}

function isSafe({ method }: AuthenticatedRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}

/**
 * Rejects a cross-site request. Any web page can make a browser send one, even to a service on localhost without keys.
 */
function crossSite(): ProblemError {
  const detail =
    'A page of another origin sent this request; only programs and pages of this service can change data';
  return new ProblemError('forbidden', detail);
}

function mayEnter(principal: Principal, access: Access): boolean {
  return hasRole(principal, access.roles) || (access.takesLease && principal.keyId === LEASE_KEY_ID);
}

function missingRole({ keyId, roles }: Principal, access: Access): string {
  const wanted = [...access.roles, 'admin'].join(' or ');
  return `The API key ${keyId} has the role ${roles.join(' and ')}; this takes ${wanted}`;
}
