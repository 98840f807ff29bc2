import { ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  Matches,
  Max,
  Min,
} from 'class-validator';
import { CURSOR } from '../../http/cursor.js';
import { CommaList } from '../../http/comma-list.decorator.js';
import { IsMoment } from '../../http/moment.js';
import { Strict } from '../../http/strict.decorator.js';
import { TASK_STATES, type TaskState } from '../../task/task-state.js';
import { COMMA_LIST, MOMENT } from './field-docs.js';
import { BATCH_ID, CAUSE, GROUP, LIMITS, QUEUE_NAME, WORKER_ID } from './limits.js';

/** `GET /tasks/next`. */
export class NextQuery {
  @ApiPropertyOptional({
    description: 'Seconds to wait for a ready task',
    default: 0,
  })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(LIMITS.wait)
  readonly wait: number = 0;

  @ApiPropertyOptional({ description: 'The id of the worker' })
  @IsOptional()
  @IsString()
  @Matches(WORKER_ID)
  readonly worker_id?: string;

  @ApiPropertyOptional({
    ...COMMA_LIST,
    description: 'Queues to claim from, in this order, separated by commas',
    default: ['default'],
  })
  @IsOptional()
  @CommaList()
  @IsArray()
  @ArrayMaxSize(LIMITS.queuesPerClaim)
  @Matches(QUEUE_NAME, { each: true })
  readonly queue: string[] = ['default'];
}

/** `GET /tasks/{eval_id}`. */
export class TaskQueryDto {
  @ApiPropertyOptional({
    description: 'Seconds to wait for the end of the task',
    default: 0,
  })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(LIMITS.wait)
  readonly wait: number = 0;
}

/** The shared filter of lists and clears. */
class QueueAndStatusQuery {
  @ApiPropertyOptional({
    ...COMMA_LIST,
    description: 'Only tasks of these queues, separated by commas',
  })
  @IsOptional()
  @CommaList()
  @IsArray()
  @ArrayMaxSize(LIMITS.queuesPerClaim)
  @Matches(QUEUE_NAME, { each: true })
  readonly queue?: string[];

  @ApiPropertyOptional({
    ...COMMA_LIST,
    description: 'Only tasks in these states, separated by commas',
  })
  @IsOptional()
  @CommaList()
  @IsArray()
  @ArrayMaxSize(TASK_STATES.length)
  @IsIn(TASK_STATES, { each: true })
  readonly status?: TaskState[];

  @ApiPropertyOptional({ description: 'Only tasks whose latest attempt ended with this cause' })
  @IsOptional()
  @IsString()
  @Matches(CAUSE)
  readonly cause?: string;
}

/** `DELETE /tasks`. */
@Strict()
export class ClearQuery extends QueueAndStatusQuery {}

/** `GET /tasks`. */
export class ListQuery extends QueueAndStatusQuery {
  @ApiPropertyOptional({ description: 'Only tasks of this group', minLength: 1, maxLength: 128 })
  @IsOptional()
  @IsString()
  @Matches(GROUP, { message: LIMITS.groupMessage })
  readonly group?: string;

  @ApiPropertyOptional({ description: 'Only tasks of this batch' })
  @IsOptional()
  @IsString()
  @Matches(BATCH_ID)
  readonly batch_id?: string;

  @ApiPropertyOptional({
    description: 'Only tasks that this worker holds or ended',
  })
  @IsOptional()
  @IsString()
  @Matches(WORKER_ID)
  readonly worker_id?: string;

  @ApiPropertyOptional({ description: 'Only tasks enqueued after this', ...MOMENT })
  @IsOptional()
  @IsString()
  @IsMoment()
  readonly created_after?: string;

  @ApiPropertyOptional({ description: 'Only tasks enqueued before this', ...MOMENT })
  @IsOptional()
  @IsString()
  @IsMoment()
  readonly created_before?: string;

  @ApiPropertyOptional({
    description: 'Tasks per page',
    default: 100,
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(LIMITS.pageSize)
  readonly limit: number = 100;

  @ApiPropertyOptional({ description: 'The `next_cursor` of the previous page' })
  @IsOptional()
  @IsString()
  @Matches(CURSOR)
  readonly cursor?: string;
}
