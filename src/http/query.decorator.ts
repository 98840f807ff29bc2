import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiQuery } from '@nestjs/swagger';
import type { Request } from 'express';
import type { Constructor } from './compiled-validator.js';
import { declareDto } from './declared-dtos.js';
import { planOf } from './dto-plan.js';
import { documentWith } from './json-body.decorator.js';
import { readQuery } from './query-reader.js';

const queryOf = createParamDecorator((dto: Constructor, context: ExecutionContext) =>
  readQuery(planOf(dto), context.switchToHttp().getRequest<Request>().url),
);

/** The query as an instance of `dto`: declared parameters only, each given once, numbers in plain decimal notation. */
export function QueryParams(dto: Constructor): ParameterDecorator {
  declareDto(dto);
  return (prototype, method, index) => {
    queryOf(dto)(prototype, method, index);
    documentWith(prototype, method, ApiQuery({ type: dto }));
  };
}
