import {
  ApiBody,
  ApiConsumes,
  ApiExtraModels,
  type ExampleObject,
  getSchemaPath,
  type SchemaObject,
} from '@nestjs/swagger';
import type { ItemsOptions } from './body-items-reader.js';
import type { Constructor } from './compiled-validator.js';
import { planOf } from './dto-plan.js';

/** By name; an example with a string value is newline-delimited JSON. */
export type BodyExamples = Readonly<Record<string, ExampleObject>>;

/** Documents a body that is one DTO. The body is optional if none of its members is required. */
export function documentBody(dto: Constructor, examples?: BodyExamples): MethodDecorator {
  return ApiBody({ type: dto, required: hasRequired(dto), ...(examples && { examples: { ...examples } }) });
}

/** Documents a body with many items: the members of its envelope, and the array. */
export function documentItems(
  { envelope, item, member, maxItems, takesNdjson }: ItemsOptions<object, object>,
  examples?: BodyExamples,
): MethodDecorator[] {
  const items = { type: 'array', minItems: 1, maxItems, items: { $ref: getSchemaPath(item) } };
  const schema: SchemaObject = {
    allOf: [
      { $ref: getSchemaPath(envelope) },
      { type: 'object', required: [member], properties: { [member]: items } },
    ],
  };
  const types = takesNdjson ? ['application/json', 'application/x-ndjson'] : ['application/json'];
  return [
    ApiExtraModels(envelope, item),
    ApiConsumes(...types),
    ApiBody({ schema, required: true, ...(examples && { examples: { ...examples } }) }),
  ];
}

function hasRequired(dto: Constructor): boolean {
  const { fields, opaque } = planOf(dto);
  return fields.some(({ isOptional }) => !isOptional) || opaque.some(({ isOptional }) => !isOptional);
}
