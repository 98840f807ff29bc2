import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { closeGently } from './gentle-close.js';
import type { FieldProblem, ProblemError } from './problem.error.js';
import { type ProblemCode, PROBLEMS } from './problems.js';
import { finishReply } from './raw-reply.js';

export const PROBLEM_TYPE = 'application/problem+json';

/** The body of an error response (RFC 9457). */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** One sentence that tells a person how to proceed. */
  readonly detail: string;
  readonly code: ProblemCode;
  readonly errors?: readonly FieldProblem[];
  readonly applied?: false | 'unknown';
  readonly [member: string]: unknown;
}

/** A URN rather than a URL, so it is the same in every deployment. */
export function problemType(code: ProblemCode): string {
  return `urn:crucible-queue:problem:${code}`;
}

/** The problem document, also used for an invalid item in a bulk response. */
export function problemDocument({ code, detail, extras }: ProblemError): ProblemDocument {
  const { status, title } = PROBLEMS[code];
  const applied = extras.applied ?? (code === 'draining' ? false : undefined);
  return {
    ...extras.members,
    type: problemType(code),
    title,
    status,
    detail,
    code,
    ...(extras.errors && { errors: extras.errors }),
    ...(applied !== undefined && { applied }),
  };
}

/** Sends the problem, unless a response has begun or the client has disconnected. */
export function sendProblem(request: IncomingMessage, response: ServerResponse, problem: ProblemError): void {
  if (response.headersSent || response.destroyed) return;
  const { status } = PROBLEMS[problem.code];
  const text = JSON.stringify(problemDocument(problem));
  response.statusCode = status;
  // A handler that failed midway may have set these.
  for (const name of ['Content-Encoding', 'Content-Length', 'Location']) response.removeHeader(name);
  if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer realm="crucible-queue"');
  if (status === 429 || status === 503) response.setHeader('Retry-After', '1');
  for (const [name, value] of Object.entries(problem.extras.headers ?? {})) response.setHeader(name, value);
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('Content-Type', PROBLEM_TYPE);
  response.setHeader('Content-Length', Buffer.byteLength(text));
  closeGently(request, response);
  response.end(text);
  finishReply(response);
}

/** The whole response as bytes, for a connection without a response object. The connection closes after it. */
export function rawProblem(problem: ProblemError): string {
  const { status } = PROBLEMS[problem.code];
  const text = JSON.stringify(problemDocument(problem));
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Connection: close',
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(text)}`,
    '',
    text,
  ].join('\r\n');
}
