import { applyDecorators } from '@nestjs/common';
import { IsInt, isNumber, IsNumber, Max, Min, ValidateBy } from 'class-validator';
import { parseRedisUrl } from './redis-url.js';

/** A whole number within these inclusive bounds. */
export function IsWhole(least: number, greatest: number): PropertyDecorator {
  return applyDecorators(IsInt(), Min(least), Max(greatest));
}

/** A number within these inclusive bounds. */
export function IsWithin(least: number, greatest: number): PropertyDecorator {
  return applyDecorators(IsNumber(), Min(least), Max(greatest));
}

/** A number not above another setting of the same class. */
export function AtMost(other: string): PropertyDecorator {
  return ValidateBy({
    name: 'atMost',
    constraints: [other],
    validator: {
      validate(value: unknown, details): boolean {
        const bound: unknown = details && Reflect.get(details.object, other);
        // An invalid bound is reported for its own setting.
        return !isNumber(bound) || (isNumber(value) && value <= bound);
      },
    },
  });
}

/** The URL of a standalone, Sentinel or cluster Redis, or empty. */
export function IsRedisUrlOrEmpty(): PropertyDecorator {
  return ValidateBy({ name: 'isRedisUrlOrEmpty', validator: { validate: isRedisUrlOrEmpty } });
}

function isRedisUrlOrEmpty(value: unknown): boolean {
  if (value === '') return true;
  if (typeof value !== 'string') return false;
  try {
    parseRedisUrl(value);
    return true;
  } catch {
    return false;
  }
}
