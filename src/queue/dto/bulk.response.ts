import { ApiExtraModels, ApiProperty, ApiPropertyOptional, getSchemaPath } from '@nestjs/swagger';
import { Problem } from '../../http/api-problems.decorator.js';
import { TASK_STATES, type TaskState } from '../../task/task-state.js';
import { COUNT, INTEGER_OR_NULL } from './field-docs.js';
import { ClaimedTask, KeptLease } from './work.response.js';

/** Responses to bulk requests, with one result per item, for the OpenAPI document. */

const INDEX = { ...COUNT, description: 'The index of the item in the request, from 0' };
const STATE = { enum: TASK_STATES, description: 'The state of the task' };

/** A refused item; the others are not affected. */
export class RefusedItem {
  @ApiProperty(INDEX)
  readonly index!: number;

  @ApiProperty({ type: Problem, description: 'The reason' })
  readonly problem!: Problem;
}

export class AcceptedTask {
  @ApiProperty(INDEX)
  readonly index!: number;

  @ApiProperty({ description: 'The id of the task' })
  readonly eval_id!: string;

  @ApiProperty(STATE)
  readonly status!: TaskState;

  @ApiProperty({ ...INTEGER_OR_NULL, description: 'Its position in the queue; null unless queued' })
  readonly position!: number | null;
}

export class FinishedItem {
  @ApiProperty(INDEX)
  readonly index!: number;

  @ApiProperty({ description: 'The id of the task' })
  readonly eval_id!: string;

  @ApiProperty(STATE)
  readonly status!: TaskState;
}

export class KeptItem extends KeptLease {
  @ApiProperty({ description: 'The id of the task' })
  readonly eval_id!: string;

  @ApiProperty(INDEX)
  readonly index!: number;
}

export class LostItem extends RefusedItem {
  @ApiPropertyOptional({ description: 'The id of the task; absent if the item is invalid' })
  readonly eval_id?: string;
}

function eitherOf(...types: readonly (new () => object)[]) {
  return { type: 'array', items: { oneOf: types.map((type) => ({ $ref: getSchemaPath(type) })) } } as const;
}

@ApiExtraModels(AcceptedTask, RefusedItem)
export class BatchAnswer {
  @ApiProperty({ description: 'The batch of the tasks' })
  readonly batch_id!: string;

  @ApiProperty({ ...COUNT, description: 'Accepted tasks, including repeated ones' })
  readonly accepted!: number;

  @ApiProperty({ ...COUNT, description: 'Refused items' })
  readonly rejected!: number;

  @ApiProperty({ ...eitherOf(AcceptedTask, RefusedItem), description: 'In the order of the request' })
  readonly results!: readonly object[];
}

@ApiExtraModels(FinishedItem, RefusedItem)
export class FinishedItems {
  @ApiProperty({ ...eitherOf(FinishedItem, RefusedItem), description: 'In the order of the request' })
  readonly results!: readonly object[];

  @ApiPropertyOptional({ type: [ClaimedTask], description: 'The claimed tasks; only with `claim`' })
  readonly tasks?: readonly ClaimedTask[];

  @ApiPropertyOptional({
    enum: ['drain'],
    description: 'Only with `claim`; drain: this worker gets no more tasks',
  })
  readonly command?: 'drain';
}

@ApiExtraModels(KeptItem, LostItem)
export class KeptLeases {
  @ApiProperty({ ...eitherOf(KeptItem, LostItem), description: 'In the order of the request' })
  readonly results!: readonly object[];
}
