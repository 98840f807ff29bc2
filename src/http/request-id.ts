import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

const ACCEPTABLE = /^[A-Za-z0-9._-]{1,64}$/;

/** Unique per process, so that a counter makes the ids unique. */
const prefix = randomBytes(6).toString('hex');
let count = 0;

interface Identified {
  requestId?: string;
}

/** Assigns the request id, that of the client if it is harmless, and sets the response header. */
export function assignRequestId(request: IncomingMessage & Identified, response: ServerResponse): void {
  const given = request.headers['x-request-id'];
  const id =
    typeof given === 'string' && ACCEPTABLE.test(given) ? given : `${prefix}-${(++count).toString(36)}`;
  request.requestId = id;
  response.setHeader('X-Request-Id', id);
}

/** The id in logs and in the response. */
export function requestIdOf(request: IncomingMessage & Identified): string {
  return request.requestId ?? '-';
}
