import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

const ACCEPTABLE = /^[A-Za-z0-9._-]{1,64}$/;

/** Different in every process, so that a counter makes ids unique. */
const prefix = randomBytes(6).toString('hex');
let count = 0;

interface Identified {
  requestId?: string;
}

/** Settles the id of a request, the client's own if it is harmless, and says it in the answer. */
export function assignRequestId(request: IncomingMessage & Identified, response: ServerResponse): void {
  const given = request.headers['x-request-id'];
  const id =
    typeof given === 'string' && ACCEPTABLE.test(given) ? given : `${prefix}-${(++count).toString(36)}`;
  request.requestId = id;
  response.setHeader('X-Request-Id', id);
}

/** The id that logs and the answer carry. */
export function requestIdOf(request: IncomingMessage & Identified): string {
  return request.requestId ?? '-';
}
