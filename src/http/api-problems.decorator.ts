import { applyDecorators } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiProperty,
  ApiPropertyOptional,
  ApiResponse,
  getSchemaPath,
} from '@nestjs/swagger';
import { PROBLEM_TYPE, problemType } from './problem.writer.js';
import { type ProblemCode, PROBLEMS } from './problems.js';

/** One field at fault. Exists for the OpenAPI document only. */
export class ProblemField {
  @ApiProperty({
    description: 'JSON pointer into the body, or the name of a query parameter',
    example: '/timeout',
  })
  readonly pointer: string = '';

  @ApiProperty({ description: 'What is wrong with it', example: 'timeout must not be less than 1' })
  readonly detail: string = '';
}

/** An answer with an error. Exists for the OpenAPI document only. */
export class Problem {
  @ApiProperty({ description: 'Names the kind of problem', example: problemType('task_not_found') })
  readonly type: string = '';

  @ApiProperty({ description: 'The kind of problem in words', example: PROBLEMS.task_not_found.title })
  readonly title: string = '';

  @ApiProperty({ description: 'The HTTP status', example: 404 })
  readonly status: number = 0;

  @ApiProperty({ description: 'One sentence that a person can act on' })
  readonly detail: string = '';

  @ApiProperty({ description: 'What a program should branch on', enum: Object.keys(PROBLEMS) })
  readonly code: string = '';

  @ApiPropertyOptional({ description: 'The fields at fault', type: [ProblemField] })
  readonly errors?: readonly ProblemField[];

  @ApiPropertyOptional({
    description: 'Whether the change was made all the same',
    oneOf: [
      { type: 'boolean', enum: [false] },
      { type: 'string', enum: ['unknown'] },
    ],
  })
  readonly applied?: false | 'unknown';

  @ApiPropertyOptional({
    description: 'With lease_lost: what happened to the lease',
    enum: ['expired', 'cancelled', 'reassigned', 'cleared'],
  })
  readonly reason?: string;
}

/** Documents the errors of an operation, by status, with one example for each code. */
export function ApiProblems(...codes: readonly ProblemCode[]): MethodDecorator & ClassDecorator {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    const { status } = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return applyDecorators(
    ApiExtraModels(Problem),
    ...[...byStatus].map(([status, same]) => response(status, same)),
  );
}

function response(status: number, codes: readonly ProblemCode[]): MethodDecorator & ClassDecorator {
  return ApiResponse({
    status,
    description: codes.map((code) => PROBLEMS[code].title).join('; '),
    content: {
      [PROBLEM_TYPE]: {
        schema: { $ref: getSchemaPath(Problem) },
        examples: Object.fromEntries(codes.map((code) => [code, { value: example(code) }])),
      },
    },
  });
}

function example(code: ProblemCode): object {
  const { status, title } = PROBLEMS[code];
  return { type: problemType(code), title, status, detail: `${title}.`, code };
}
