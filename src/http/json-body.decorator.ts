import {
  createParamDecorator,
  type ExecutionContext,
  Inject,
  Injectable,
  type PipeTransform,
} from '@nestjs/common';
import type { ArgumentMetadata } from '@nestjs/common';
import type { Request, Response } from 'express';
import { type BodyExamples, documentBody } from './api-body.decorator.js';
import { readJsonBody } from './body-reader.js';
import type { Constructor } from './compiled-validator.js';
import { declareDto } from './declared-dtos.js';
import { planOf } from './dto-plan.js';
import { HttpLimits } from './http-limits.js';

/** A request with its response, the input of the pipes in this layer. */
export interface HttpPair {
  readonly request: Request;
  readonly response: Response;
}

export function pairOf(context: ExecutionContext): HttpPair {
  const http = context.switchToHttp();
  return { request: http.getRequest<Request>(), response: http.getResponse<Response>() };
}

/** Reads and validates the body as a DTO. A pipe, because pipes run after the guards. */
@Injectable()
export class JsonBodyPipe implements PipeTransform<HttpPair, Promise<object>> {
  constructor(@Inject(HttpLimits) private readonly limits: HttpLimits) {}

  transform({ request, response }: HttpPair, { data }: ArgumentMetadata): Promise<object> {
    const exchange = { request, response, limits: this.limits };
    return readJsonBody(exchange, planOf(data as unknown as Constructor));
  }
}

const bodyOf = createParamDecorator((_dto: Constructor, context: ExecutionContext) => pairOf(context));

/**
 * The body as an instance of `dto` with declared fields only, read after the guards have admitted the request. Also
 * documents the body, with the examples.
 */
export function JsonBody(dto: Constructor, examples?: BodyExamples): ParameterDecorator {
  declareDto(dto);
  return (prototype, method, index) => {
    bodyOf(dto, JsonBodyPipe)(prototype, method, index);
    documentWith(prototype, method, documentBody(dto, examples));
  };
}

/** Applies a method decorator of Swagger from a parameter decorator. */
export function documentWith(
  prototype: object,
  method: string | symbol | undefined,
  decorator: MethodDecorator,
): void {
  const descriptor = method === undefined ? undefined : Object.getOwnPropertyDescriptor(prototype, method);
  if (method !== undefined && descriptor) decorator(prototype, method, descriptor);
}
