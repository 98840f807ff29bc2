import type { IncomingMessage } from 'node:http';
import { Injectable, Logger } from '@nestjs/common';
import type { AuthenticatedRequest } from '../auth/authenticated.request.js';
import { requestIdOf } from '../http/request-id.js';
import { methodOf, routeOf, type ServedRequest, statusOf } from '../http/request-watch.js';

/** They come every few seconds, and say nothing as long as all is well. */
const ROUTINE = new Set(['/livez', '/readyz', '/health', '/metrics']);

const LONGEST_PATH = 200;

/** One line for each request: never a query, a header, a body, or anything else that a client may hide a secret in. */
@Injectable()
export class RequestLog {
  private readonly logger = new Logger('Http');

  record(served: ServedRequest): void {
    const status = statusOf(served);
    const route = routeOf(served.request);
    const method = methodOf(served.request);
    const line = `${method} ${route ?? pathOf(served.request)} ${status ?? 'gone'}`;
    const details = { ...where(served.request, route), method, status: status ?? null, ...who(served) };
    if (status !== undefined && status >= 500) this.logger.warn(line, details);
    else if (route !== undefined && ROUTINE.has(route)) this.logger.debug(line, details);
    else this.logger.log(line, details);
  }
}

function where(request: IncomingMessage, route: string | undefined): object {
  return route === undefined ? { path: pathOf(request) } : { route };
}

function who({ request, duration }: ServedRequest): object {
  const { principal } = request as AuthenticatedRequest;
  return {
    duration_ms: Math.round(duration * 1000) / 1000,
    request_id: requestIdOf(request),
    ...(principal !== undefined && { key_id: principal.keyId }),
  };
}

/** Without the query; of one that is no plain ASCII or very long only the harmless beginning. */
function pathOf({ url = '' }: IncomingMessage): string {
  return /^[\x21-\x3e\x40-\x7e]*/.exec(url)?.[0].slice(0, LONGEST_PATH) ?? '';
}
