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
  'X-Log-Attempt': { description: 'The attempt that sent the log', schema: { type: 'integer' }, example: 1 },
  'X-Log-Size': {
    description: 'How many bytes the attempt has sent',
    schema: { type: 'integer' },
    example: 4096,
  },
  'X-Log-First': {
    description: 'The offset of the oldest byte that is kept',
    schema: { type: 'integer' },
    example: 0,
  },
  'X-Log-Ended': {
    description: 'Whether the attempt has ended: then its log is complete',
    schema: { type: 'string', enum: ['true', 'false'] },
  },
  'Accept-Ranges': {
    description: 'The service supports `Range`',
    schema: { type: 'string', enum: ['bytes'] },
  },
  'Content-Range': {
    description: 'The part in the answer, and the size of the whole',
    schema: { type: 'string' },
    example: 'bytes 0-1023/4096',
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
