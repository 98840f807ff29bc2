import { getMetadataStorage, isISO8601, matches, maxLength, minLength, validateSync } from 'class-validator';

/** A class with a constructor without arguments, as every DTO has. */
export type Constructor<T extends object = object> = new () => T;

export type Check = (instance: object) => boolean;

/** The options of every class-validator call, so that compiled checks and messages agree. */
export const VALIDATOR_OPTIONS = { validationError: { target: false, value: true } } as const;

export interface CompiledCheck {
  readonly accepts: Check;
  /** False when the DTO uses a validator that cannot be compiled; class-validator then checks the value. */
  readonly isCompiled: boolean;
  /** The class declares no rules. */
  readonly isEmpty: boolean;
}

/** One validation rule of one property, as class-validator stores it. */
export type Rule = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];

type Predicate = (value: unknown) => boolean;

const compiledChecks = new WeakMap<object, CompiledCheck>();

/**
 * The check that the class-validator decorators of `dto` declare, compiled on first use. For values from JSON it equals
 * `validateSync(instance).length === 0`, without reading the metadata again.
 */
export function compiledCheck(dto: Constructor): CompiledCheck {
  let compiled = compiledChecks.get(dto);
  if (!compiled) {
    compiled = compile(dto);
    compiledChecks.set(dto, compiled);
  }
  return compiled;
}

/** The rules of a DTO by property, including inherited ones. */
export function rulesOf(dto: Constructor): ReadonlyMap<string, readonly Rule[]> {
  const rules = new Map<string, Rule[]>();
  for (const rule of getMetadataStorage().getTargetValidationMetadatas(dto, '', false, false)) {
    const known = rules.get(rule.propertyName);
    if (known) known.push(rule);
    else rules.set(rule.propertyName, [rule]);
  }
  return rules;
}

export function isOptionalRule(rule: Rule): boolean {
  return rule.type === 'conditionalValidation' && rule.name === 'isOptional';
}

function compile(dto: Constructor): CompiledCheck {
  const rules = rulesOf(dto);
  if (rules.size === 0) return { accepts: () => true, isCompiled: true, isEmpty: true };
  const checks: Check[] = [];
  for (const [property, ofProperty] of rules) {
    const check = compileProperty(property, ofProperty);
    if (!check) return { accepts: askClassValidator, isCompiled: false, isEmpty: false };
    checks.push(check);
  }
  return {
    accepts: (instance) => checks.every((check) => check(instance)),
    isCompiled: true,
    isEmpty: false,
  };
}

function askClassValidator(instance: object): boolean {
  return validateSync(instance, VALIDATOR_OPTIONS).length === 0;
}

function compileProperty(property: string, rules: readonly Rule[]): Check | undefined {
  const predicates: Predicate[] = [];
  for (const rule of rules) {
    if (isOptionalRule(rule)) continue;
    const predicate = compileRule(rule);
    if (!predicate) return undefined;
    predicates.push(predicate);
  }
  const isOptional = rules.some(isOptionalRule);
  return (instance) => {
    const value = (instance as Record<string, unknown>)[property];
    if (isOptional && (value === undefined || value === null)) return true;
    return predicates.every((predicate) => predicate(value));
  };
}

function compileRule(rule: Rule): Predicate | undefined {
  if (rule.validateIf) return undefined;
  if (rule.type === 'nestedValidation') return isValidNested;
  if (rule.type !== 'customValidation') return undefined;
  const predicate = compilePredicate(rule.name ?? '', (rule.constraints as unknown[] | undefined) ?? []);
  if (!predicate || !rule.each) return predicate;
  return (value) => (Array.isArray(value) ? value.every((element) => predicate(element)) : predicate(value));
}

function isValidNested(value: unknown): boolean {
  if (value === undefined) return true;
  if (Array.isArray(value)) return value.every(isValidNested);
  if (!(value instanceof Object)) return false;
  const check = compiledCheck(value.constructor as Constructor);
  // class-validator rejects objects without declared rules.
  return !check.isEmpty && check.accepts(value);
}

function compilePredicate(name: string, [first, second]: readonly unknown[]): Predicate | undefined {
  switch (name) {
    case 'isString':
      return (value) => typeof value === 'string';
    case 'isBoolean':
      return (value) => typeof value === 'boolean';
    case 'isInt':
      return (value) => Number.isInteger(value);
    case 'isNumber':
      return isPlainNumberRule(first) ? (value) => Number.isFinite(value) : undefined;
    case 'isArray':
      return (value) => Array.isArray(value);
    case 'isIn':
      return Array.isArray(first) ? (value) => first.includes(value) : undefined;
    case 'isIso8601':
      return (value) => isISO8601(value, first as Parameters<typeof isISO8601>[1]);
    case 'matches':
      return compilePattern(first, second);
    default:
      // A custom rule provides its own predicate.
      if (typeof first === 'function') return first as Predicate;
      return typeof first === 'number' ? compileBound(name, first) : undefined;
  }
}

function compileBound(name: string, bound: number): Predicate | undefined {
  switch (name) {
    case 'min':
      return (value) => typeof value === 'number' && value >= bound;
    case 'max':
      return (value) => typeof value === 'number' && value <= bound;
    case 'maxLength':
      // A string never has more characters than code units.
      return (value) => (typeof value === 'string' && value.length <= bound) || maxLength(value, bound);
    case 'minLength':
      return (value) => minLength(value, bound);
    case 'arrayMaxSize':
      return (value) => Array.isArray(value) && value.length <= bound;
    case 'arrayMinSize':
      return (value) => Array.isArray(value) && value.length >= bound;
    default:
      return undefined;
  }
}

function isPlainNumberRule(options: unknown): boolean {
  return options === undefined || (options instanceof Object && Object.keys(options).length === 0);
}

function compilePattern(pattern: unknown, modifiers: unknown): Predicate | undefined {
  if (!(pattern instanceof RegExp) || modifiers !== undefined) return undefined;
  // A pattern with lastIndex gives different results on each call.
  if (pattern.global || pattern.sticky) return (value) => matches(value as string, pattern);
  return (value) => typeof value === 'string' && pattern.test(value);
}
