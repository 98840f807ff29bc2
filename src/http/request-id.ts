import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const ACCEPTABLE = /^[A-Za-z0-9._-]{1,64}$/;

/** Unique per process, so that a counter makes the ids unique. */
const prefix = randomBytes(6).toString('hex');
let count = 0;

interface Identified {
  requestId?: string;
}

/** Assigns the request id: that of the client if it is harmless. The response has it in `X-Request-Id`. */
export function assignRequestId(request: IncomingMessage & Identified): void {
  const given = request.headers['x-request-id'];
  request.requestId =
    typeof given === 'string' && ACCEPTABLE.test(given) ? given : `${prefix}-${(++count).toString(36)}`;
}

/** The id in logs and in the response. */
export function requestIdOf(request: IncomingMessage & Identified): string {
  return request.requestId ?? '-';
}

/** The headers of every response, names and values in turn; none before the request has its id. */
export function commonHeaders({ requestId }: IncomingMessage & Identified): string[] {
  if (requestId === undefined) return [];
  return ['X-Request-Id', requestId, 'X-Content-Type-Options', 'nosniff', 'Cache-Control', 'no-store'];
}
