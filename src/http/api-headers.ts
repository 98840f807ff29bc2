import type { HeaderObject, HeadersObject } from '@nestjs/swagger';

/** The response headers, described once in the components of the OpenAPI document. */
export const API_HEADERS = {
  'X-Request-Id': {
    description: 'The id of the request in the log: sent by the client in this header, or generated',
    schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,64}$' },
    example: 'b3f1c2d4e5a6-1z',
  },
  Location: {
    description: 'The URL of the new resource',
    schema: { type: 'string' },
    example: '/tasks/eval-1',
  },
  'Idempotent-Replay': {
    description: 'The task already existed; nothing changed',
    schema: { type: 'string', enum: ['true'] },
  },
  Link: {
    description: 'The URL of the next page (RFC 8288); absent on the last page',
    schema: { type: 'string' },
    example: '</tasks?limit=1&cursor=3-Q8cpsi>; rel="next"',
  },
  'X-Worker-Command': {
    description: 'drain: this worker gets no more tasks; otherwise absent',
    schema: { type: 'string', enum: ['drain'] },
  },
  Allow: {
    description: 'The methods that the path supports',
    schema: { type: 'string' },
    example: 'GET, HEAD',
  },
  'Retry-After': {
    description: 'Seconds until the next try',
    schema: { type: 'integer', minimum: 1 },
    example: 1,
  },
  'WWW-Authenticate': {
    description: 'The scheme for `Authorization`',
    schema: { type: 'string' },
    example: 'Bearer realm="crucible-queue"',
  },
} as const satisfies Record<string, HeaderObject>;

export type ApiHeaderName = keyof typeof API_HEADERS;

/** References to the headers, for a response that has them. */
export function apiHeaders(...names: readonly ApiHeaderName[]): HeadersObject {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}
