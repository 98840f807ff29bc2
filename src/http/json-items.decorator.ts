import {
  createParamDecorator,
  type ExecutionContext,
  Inject,
  Injectable,
  type PipeTransform,
} from '@nestjs/common';
import type { ArgumentMetadata } from '@nestjs/common';
import { type BodyExamples, documentItems } from './api-body.decorator.js';
import { type Items, type ItemsOptions, readItems } from './body-items-reader.js';
import { declareDto } from './declared-dtos.js';
import { HttpLimits } from './http-limits.js';
import { documentWith, type HttpPair, pairOf } from './json-body.decorator.js';

@Injectable()
export class JsonItemsPipe implements PipeTransform<HttpPair, Promise<Items<object, object>>> {
  constructor(@Inject(HttpLimits) private readonly limits: HttpLimits) {}

  transform(pair: HttpPair, { data }: ArgumentMetadata): Promise<Items<object, object>> {
    return readItems({ ...pair, limits: this.limits }, data as unknown as ItemsOptions<object, object>);
  }
}

const itemsOf = createParamDecorator((_options: ItemsOptions<object, object>, context: ExecutionContext) =>
  pairOf(context),
);

/**
 * Reads the body as `Items`: its envelope, and each element of one array with its value or problem. Also documents the
 * body, with the examples.
 */
export function JsonItems<E extends object, T extends object>(
  options: ItemsOptions<E, T>,
  examples?: BodyExamples,
): ParameterDecorator {
  declareDto(options.envelope);
  declareDto(options.item);
  return (prototype, method, index) => {
    itemsOf(options, JsonItemsPipe)(prototype, method, index);
    for (const decorator of documentItems(options, examples)) documentWith(prototype, method, decorator);
  };
}
