import type { IncomingMessage } from 'node:http';
import { Injectable, Logger } from '@nestjs/common';
import type { AuthenticatedRequest } from '../auth/authenticated-request.js';
import { requestIdOf } from '../http/request-id.js';
import { methodOf, routeOf, type ServedRequest, statusOf } from '../http/request-observers.js';

/** Frequent requests that are logged at debug level while they succeed. */
const ROUTINE = new Set(['/livez', '/readyz', '/health', '/metrics']);

const LONGEST_PATH = 200;

/** Logs one line per request, without query, headers and body: they can contain secrets. */
@Injectable()
export class RequestLog {
  private readonly logger = new Logger('Http');

  record(served: ServedRequest): void {
    const status = statusOf(served);
    const route = routeOf(served.request);
    const details = detailsOf(served, route, status);
    const line = `${methodOf(served.request)} ${route ?? pathOf(served.request)} ${status ?? 'gone'}`;
    if (status !== undefined && status >= 500) this.logger.warn(line, details);
    else if (route !== undefined && ROUTINE.has(route)) this.logger.debug(line, details);
    else this.logger.log(line, details);
  }
}

/** Built without copies, because a busy service logs thousands of requests a second. */
function detailsOf(served: ServedRequest, route: string | undefined, status: number | undefined): object {
  const request: AuthenticatedRequest = served.request;
  const details: Record<string, unknown> = { method: methodOf(request) };
  if (route === undefined) details.path = pathOf(request);
  else details.route = route;
  details.status = status ?? null;
  details.duration_ms = Math.round(served.duration * 1000) / 1000;
  details.request_id = requestIdOf(request);
  if (request.principal !== undefined) details.key_id = request.principal.keyId;
  return details;
}

/** The path without the query. For a path with non-ASCII characters or a very long one, only its harmless beginning. */
function pathOf({ url = '' }: IncomingMessage): string {
  return /^[\x21-\x3e\x40-\x7e]*/.exec(url)?.[0].slice(0, LONGEST_PATH) ?? '';
}
