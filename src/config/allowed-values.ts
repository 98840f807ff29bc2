import { getMetadataStorage } from 'class-validator';
import type { Setting } from './setting.decorator.js';

/** The allowed values of a setting in words, from its validators: `a whole number from 0 to 65535`. */
export function allowedValues(target: new () => object, setting: Setting): string {
  if (setting.allowed !== undefined) return setting.allowed;
  const checks = checksOf(target, setting.name);
  const choices = checks.get('isIn');
  if (Array.isArray(choices)) return `one of ${choices.join(', ')}`;
  if (checks.has('isBoolean')) return 'true or false';
  const number = checks.has('isInt') ? 'a whole number' : 'a number';
  const unit = setting.unit === undefined ? '' : ` of ${setting.unit}`;
  const other = checks.get('atMost');
  const bound = typeof other === 'string' ? `, at most ${other}` : '';
  return `${number}${unit} from ${String(checks.get('min'))} to ${String(checks.get('max'))}${bound}`;
}

/** The validators of a property, each with its first argument. */
function checksOf(target: new () => object, property: string): ReadonlyMap<string, unknown> {
  const checks = getMetadataStorage().getTargetValidationMetadatas(target, '', false, false);
  return new Map(
    checks
      .filter((check) => check.propertyName === property)
      .map((check) => [check.name ?? check.type, firstOf(check.constraints)]),
  );
}

function firstOf(constraints: unknown): unknown {
  return Array.isArray(constraints) ? constraints[0] : undefined;
}
