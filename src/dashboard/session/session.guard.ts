import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { Request } from 'express';
import type { AuthenticatedRequest } from '../../auth/authenticated-request.js';
import { ProblemError } from '../../http/problem.error.js';
import { Sessions } from './sessions.js';
import { isSameOrigin } from './same-origin.js';
import { SignInNeeded } from './sign-in-needed.error.js';

/**
 * Admits requests with a session and redirects others to sign-in. A change must come from a page of the dashboard, even
 * without configured keys. Otherwise any site in an operator's browser could send it.
 */
@Injectable()
export class SessionGuard implements CanActivate {
  constructor(private readonly sessions: Sessions) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<Request & AuthenticatedRequest>();
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead && !isSameOrigin(request)) {
      throw new ProblemError('forbidden', 'This request came from another site; use the dashboard');
    }
    const principal = await this.sessions.principalOf(request);
    if (principal === undefined) throw new SignInNeeded(isRead ? request.originalUrl : '/dashboard');
    request.principal = principal;
    return true;
  }
}
