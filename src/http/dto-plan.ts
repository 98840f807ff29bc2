import { plainToInstance } from 'class-transformer';
import { commaLists } from './comma-list.decorator.js';
import {
  type Check,
  type Constructor,
  compiledCheck,
  isOptionalRule,
  type Rule,
  rulesOf,
} from './compiled-validator.js';
import { type OpaqueField, opaqueFields } from './raw-json.js';
import { type StrictOptions, strictnessOf } from './strict.decorator.js';

/** How to read one declared property from a document. */
export interface FieldPlan {
  readonly name: string;
  readonly isOptional: boolean;
  readonly isArray: boolean;
  readonly maxItems: number;
  /** In UTF-16 code units: the longest possible string within the declared `@MaxLength`. */
  readonly maxUnits: number;
  /** The DTO of a property with `@ValidateNested()`. */
  readonly nested?: Constructor;
  /** The type of a query parameter. */
  readonly kind: 'string' | 'number' | 'boolean';
  readonly isCommaList: boolean;
}

export interface OpaquePlan extends OpaqueField {
  readonly isOptional: boolean;
}

/** The declarations of a DTO, computed once. */
export interface DtoPlan<T extends object> {
  readonly dto: Constructor<T>;
  readonly fields: readonly FieldPlan[];
  readonly fieldsByName: ReadonlyMap<string, FieldPlan>;
  readonly opaque: readonly OpaquePlan[];
  readonly opaqueNames: ReadonlySet<string>;
  readonly accepts: Check;
  /** Present when undeclared members are rejected. */
  readonly strictness: StrictOptions | undefined;
}

/** The element limit of fields that declare none. */
const MAX_ITEMS = 10_000;

const plans = new WeakMap<object, unknown>();

export function planOf<T extends object>(dto: Constructor<T>): DtoPlan<T> {
  let plan = plans.get(dto) as DtoPlan<T> | undefined;
  if (!plan) {
    plan = makePlan(dto);
    plans.set(dto, plan);
  }
  return plan;
}

function makePlan<T extends object>(dto: Constructor<T>): DtoPlan<T> {
  const rules = rulesOf(dto);
  const prototype = dto.prototype as object;
  const opaque = opaqueFields(prototype).map((field) => ({
    ...field,
    isOptional: (rules.get(field.name) ?? []).some(isOptionalRule),
  }));
  const opaqueNames = new Set(opaque.map((field) => field.name));
  const lists = commaLists(prototype);
  const fields = [...rules]
    .filter(([name]) => !opaqueNames.has(name))
    .map(([name, ofField]) => planField(dto, name, { rules: ofField, isCommaList: lists.has(name) }));
  return {
    dto,
    fields,
    fieldsByName: new Map(fields.map((field) => [field.name, field])),
    opaque,
    opaqueNames,
    accepts: compiledCheck(dto).accepts,
    strictness: strictnessOf(dto),
  };
}

interface Declared {
  readonly rules: readonly Rule[];
  readonly isCommaList: boolean;
}

function planField(dto: Constructor, name: string, { rules, isCommaList }: Declared): FieldPlan {
  const names = new Set(rules.map((rule) => rule.name ?? rule.type));
  const isNested = rules.some((rule) => rule.type === 'nestedValidation');
  return {
    name,
    isOptional: rules.some(isOptionalRule),
    isArray:
      isCommaList ||
      rules.some((rule) => rule.each) ||
      ['isArray', 'arrayMaxSize', 'arrayMinSize', 'isQueueChoice'].some((rule) => names.has(rule)),
    maxItems: bound(rules, 'arrayMaxSize') ?? MAX_ITEMS,
    // An emoji with its presentation selector has three units and counts as one character.
    maxUnits: 3 * (bound(rules, 'maxLength') ?? Infinity),
    ...(isNested && { nested: nestedType(dto, name) }),
    kind: kindOf(names),
    isCommaList,
  };
}

function kindOf(names: ReadonlySet<string>): FieldPlan['kind'] {
  if (names.has('isInt') || names.has('isNumber')) return 'number';
  return names.has('isBoolean') ? 'boolean' : 'string';
}

function bound(rules: readonly Rule[], name: string): number | undefined {
  const constraint: unknown = rules.find((rule) => rule.name === name)?.constraints[0];
  return typeof constraint === 'number' ? constraint : undefined;
}

/** Reads the type in `@Type()` through the public API of class-transformer. */
function nestedType(dto: Constructor, name: string): Constructor {
  const probe = plainToInstance(dto, { [name]: [{}] }) as Record<string, unknown>;
  const made: unknown = Array.isArray(probe[name]) ? probe[name][0] : undefined;
  if (!(made instanceof Object) || made.constructor === Object) {
    throw new Error(`${dto.name}.${name} needs @Type(() => …) next to @ValidateNested()`);
  }
  return made.constructor as Constructor;
}
