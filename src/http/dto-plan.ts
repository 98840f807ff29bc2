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

/** How one declared property is taken over from a document. */
export interface FieldPlan {
  readonly name: string;
  readonly isOptional: boolean;
  readonly isArray: boolean;
  readonly maxItems: number;
  /** In UTF-16 code units: no string within the declared `@MaxLength` is longer. */
  readonly maxUnits: number;
  /** The DTO of what `@ValidateNested()` marks. */
  readonly nested?: Constructor;
  /** What the text of a query parameter is read as. */
  readonly kind: 'string' | 'number' | 'boolean';
  readonly isCommaList: boolean;
}

export interface OpaquePlan extends OpaqueField {
  readonly isOptional: boolean;
}

/** Everything that is declared about a DTO, worked out once. */
export interface DtoPlan<T extends object> {
  readonly dto: Constructor<T>;
  readonly fields: readonly FieldPlan[];
  readonly fieldsByName: ReadonlyMap<string, FieldPlan>;
  readonly opaque: readonly OpaquePlan[];
  readonly opaqueNames: ReadonlySet<string>;
  readonly accepts: Check;
  /** Present when what is not declared is refused. */
  readonly strictness: StrictOptions | undefined;
}

/** Nobody means to send more elements in a field that declares no limit. */
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
    // An emoji with its presentation selector is three units and counts as one character.
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

/** Asks class-transformer, by its public way, what `@Type()` says. */
function nestedType(dto: Constructor, name: string): Constructor {
  const probe = plainToInstance(dto, { [name]: [{}] }) as Record<string, unknown>;
  const made: unknown = Array.isArray(probe[name]) ? probe[name][0] : undefined;
  if (!(made instanceof Object) || made.constructor === Object) {
    throw new Error(`${dto.name}.${name} needs @Type(() => …) next to @ValidateNested()`);
  }
  return made.constructor as Constructor;
}
