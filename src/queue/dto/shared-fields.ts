import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { CommaList } from '../../http/comma-list.decorator.js';
import { CURSOR } from '../../http/cursor.js';
import { OpaqueJson } from '../../http/raw-json.js';
import { ANY_JSON, COMMA_LIST, LEASE_EXAMPLE } from './field-docs.js';
import { CAUSE, LEASE_ID, LIMITS, QUEUE_NAME } from './limits.js';

/**
 * Optional fields that several requests have, each with its checks and its description.
 *
 * `applyDecorators` applies its first argument first, and the last of stacked decorators is applied first. So the rules
 * are in the order in which the checks run.
 */

/** The description of a lease id in a request. */
export const LEASE = {
  description: 'The lease_id that the claim returned',
  pattern: LEASE_ID.source,
  example: LEASE_EXAMPLE,
};

export function IsOptionalLease(): PropertyDecorator {
  return applyDecorators(Matches(LEASE_ID), IsString(), IsOptional(), ApiPropertyOptional(LEASE));
}

/** Seconds to wait; `default: 0` in the class too. @param awaited completes "Seconds to wait for" */
export function IsWait(awaited: string): PropertyDecorator {
  return applyDecorators(
    Max(LIMITS.wait),
    Min(0),
    IsNumber(),
    IsOptional(),
    ApiPropertyOptional({ description: `Seconds to wait for ${awaited}`, default: 0 }),
  );
}

/** Entries per page, 100 by default, also in the class. */
export function IsPageSize(description: string, most: number): PropertyDecorator {
  return applyDecorators(
    Max(most),
    Min(1),
    IsInt(),
    IsOptional(),
    ApiPropertyOptional({ description, default: 100 }),
  );
}

/** @param message of a cursor in another form; the pattern by default */
export function IsCursor(message?: string): PropertyDecorator {
  return applyDecorators(
    message === undefined ? Matches(CURSOR) : Matches(CURSOR, { message }),
    IsString(),
    IsOptional(),
    ApiPropertyOptional({ description: 'The `next_cursor` of the previous page' }),
  );
}

/** Queue names, separated by commas. */
export function IsQueueList(description: string): PropertyDecorator {
  return applyDecorators(
    Matches(QUEUE_NAME, { each: true }),
    ArrayMaxSize(LIMITS.queuesPerClaim),
    IsArray(),
    CommaList(),
    IsOptional(),
    ApiPropertyOptional({ ...COMMA_LIST, description }),
  );
}

/** Some of the values, separated by commas. */
export function IsListOf(values: readonly string[], description: string): PropertyDecorator {
  return applyDecorators(
    IsIn(values, { each: true }),
    ArrayMaxSize(values.length),
    IsArray(),
    CommaList(),
    IsOptional(),
    ApiPropertyOptional({ ...COMMA_LIST, description }),
  );
}

/** A cause to filter by. */
export function IsCauseFilter(): PropertyDecorator {
  const description = 'Only tasks whose latest attempt ended with this cause';
  return applyDecorators(Matches(CAUSE), IsString(), IsOptional(), ApiPropertyOptional({ description }));
}

/** The cause of an attempt. @param example for the OpenAPI document */
export function IsCause(example?: string): PropertyDecorator {
  const description = 'A short name for the reason, to filter and count by';
  return applyDecorators(
    Matches(CAUSE),
    IsString(),
    IsOptional(),
    ApiPropertyOptional(example === undefined ? { description } : { description, example }),
  );
}

/** The reason of an operator or a worker. */
export function IsReason(description: string): PropertyDecorator {
  return applyDecorators(
    MaxLength(1000),
    IsString(),
    IsOptional(),
    ApiPropertyOptional({ description, maxLength: 1000 }),
  );
}

/** Whether a redrive drops the checkpoint. */
export function IsReset(): PropertyDecorator {
  const description = 'true: drops the checkpoint, so that the next attempt starts from the beginning';
  return applyDecorators(IsBoolean(), IsOptional(), ApiPropertyOptional({ description, default: false }));
}

export function IsCheckpoint(): PropertyDecorator {
  return applyDecorators(
    OpaqueJson({ type: 'any', maxBytes: LIMITS.checkpointBytes, isNullValue: true }),
    IsOptional(),
    ApiPropertyOptional({
      ...ANY_JSON,
      description: `The point from which a later attempt continues: any JSON value, kept as the same text, ${LIMITS.checkpointBytes} bytes at most`,
      example: { step: 17 },
    }),
  );
}
