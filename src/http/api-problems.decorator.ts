import { applyDecorators } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiProperty,
  ApiPropertyOptional,
  ApiResponse,
  getSchemaPath,
} from '@nestjs/swagger';
import { type ApiHeaderName, apiHeaders } from './api-headers.js';
import { PROBLEM_GUIDE } from './problem-guide.js';
import { PROBLEM_TYPE, problemType } from './problem-writer.js';
import { type ProblemCode, PROBLEMS } from './problems.js';

/** One invalid field, for the OpenAPI document. */
export class ProblemField {
  @ApiProperty({
    description: 'JSON pointer into the body, or the name of a query parameter',
    example: '/timeout',
  })
  readonly pointer: string = '';

  @ApiProperty({
    description: 'The fault and the allowed values',
    example: 'timeout must not be less than 1',
  })
  readonly detail: string = '';
}

/** An error response (RFC 9457), for the OpenAPI document. */
export class Problem {
  @ApiProperty({ description: 'A URN for the kind of problem', example: problemType('task_not_found') })
  readonly type: string = '';

  @ApiProperty({ description: 'The kind of problem in words', example: PROBLEMS.task_not_found.title })
  readonly title: string = '';

  @ApiProperty({ type: 'integer', description: 'The HTTP status', example: 404 })
  readonly status: number = 0;

  @ApiProperty({
    description: 'One sentence for people, with what to do',
    example: PROBLEM_GUIDE.task_not_found.detail,
  })
  readonly detail: string = '';

  @ApiProperty({
    description: 'The error code, for programs',
    enum: Object.keys(PROBLEMS),
    example: 'task_not_found',
  })
  readonly code: string = '';

  @ApiPropertyOptional({ description: 'The bad fields or parameters', type: [ProblemField] })
  readonly errors?: readonly ProblemField[];

  @ApiPropertyOptional({
    description: 'Whether the change may have happened',
    oneOf: [
      { type: 'boolean', enum: [false] },
      { type: 'string', enum: ['unknown'] },
    ],
  })
  readonly applied?: false | 'unknown';

  @ApiPropertyOptional({
    description: 'With lease_lost: why the lease ended',
    enum: ['expired', 'cancelled', 'reassigned', 'cleared'],
  })
  readonly reason?: string;

  @ApiPropertyOptional({
    type: 'integer',
    description: 'With log_offset: the bytes that the attempt has sent',
  })
  readonly size?: number;
}

/** The problems of all requests that need a key. */
export const WITH_KEY = ['unauthorized', 'forbidden', 'rate_limited'] as const;
/** The problems of all requests with a path or query parameter. */
export const WITH_QUERY = ['malformed_request', 'invalid_request'] as const;
/** The problems of all requests with a body. */
export const WITH_BODY = [
  'malformed_request',
  'request_timeout',
  'too_large',
  'unsupported_media_type',
  'invalid_request',
] as const;
/** The problems of all requests. */
const ANYWHERE = ['headers_too_large', 'internal_error'] as const;

/**
 * Documents the errors of an operation by status, with one example per code. Use it once per operation: a second use
 * would hide codes of the first.
 */
export function ApiProblems(...codes: readonly ProblemCode[]): MethodDecorator & ClassDecorator {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of new Set([...codes, ...ANYWHERE])) {
    const { status } = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return applyDecorators(
    ApiExtraModels(Problem),
    ...[...byStatus].map(([status, same]) => ApiResponse({ status, ...problemResponse(same) })),
  );
}

/** An OpenAPI response with these problems. */
export function problemResponse(codes: readonly ProblemCode[]) {
  const names = new Set(codes.flatMap(headersOf));
  return {
    description: codes.map((code) => PROBLEMS[code].title).join('; '),
    ...(names.size > 0 && { headers: apiHeaders(...names) }),
    content: {
      [PROBLEM_TYPE]: {
        schema: { $ref: getSchemaPath(Problem) },
        examples: Object.fromEntries(
          codes.map((code) => [code, { summary: PROBLEMS[code].title, value: problemExample(code) }]),
        ),
      },
    },
  };
}

/** The problem as the service writes it. */
function problemExample(code: ProblemCode): object {
  const { status, title } = PROBLEMS[code];
  const { detail, members } = PROBLEM_GUIDE[code];
  const { reason, size, ...rest } = members ?? {};
  return {
    ...(reason !== undefined && { reason }),
    ...(size !== undefined && { size }),
    type: problemType(code),
    title,
    status,
    detail,
    code,
    ...rest,
  };
}

/** The response headers of a status, for all its codes. */
const HEADERS: Readonly<Partial<Record<number, readonly ApiHeaderName[]>>> = {
  401: ['WWW-Authenticate'],
  405: ['Allow'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

function headersOf(code: ProblemCode): readonly ApiHeaderName[] {
  return HEADERS[PROBLEMS[code].status] ?? [];
}
