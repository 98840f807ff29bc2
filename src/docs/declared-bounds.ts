import { ApiProperty } from '@nestjs/swagger';
import { type Constructor, type Rule, rulesOf } from '../http/compiled-validator.js';
import { declaredDtos } from '../http/declared-dtos.js';

/** The JSON Schema keyword for each class-validator rule with one bound. */
const KEYWORDS: Readonly<Record<string, string>> = {
  min: 'minimum',
  max: 'maximum',
  minLength: 'minLength',
  maxLength: 'maxLength',
  matches: 'pattern',
  isIn: 'enum',
  arrayMinSize: 'minItems',
  arrayMaxSize: 'maxItems',
};

const described = new WeakSet<Constructor>();

/**
 * Writes the bounds that the validators enforce into the schemas, so that a DTO states each bound once. Swagger moves
 * the bounds of list elements to `items`.
 */
export function describeBounds(): void {
  for (const dto of declaredDtos()) {
    if (described.has(dto)) continue;
    described.add(dto);
    for (const [property, rules] of rulesOf(dto)) {
      // An inherited property has its description where it was declared.
      const owner = rules[0]?.target as Constructor;
      ApiProperty(boundsOf(rules))(owner.prototype as object, property);
    }
  }
}

function boundsOf(rules: readonly Rule[]): Readonly<Record<string, unknown>> {
  const bounds = rules.flatMap(({ name = '', constraints }) => {
    const keyword = KEYWORDS[name];
    if (keyword === undefined) return [];
    const [bound] = constraints as readonly unknown[];
    if (!(bound instanceof RegExp)) return [[keyword, bound] as const];
    // Many tools read patterns without the u flag.
    return bound.unicode ? [] : [[keyword, bound.source] as const];
  });
  return {
    ...Object.fromEntries(bounds),
    ...(rules.some(({ name, each }) => name === 'isIn' && each) && { isArray: true }),
    ...(rules.some(({ name, each }) => name === 'isInt' && !each) && { type: 'integer' }),
  };
}
