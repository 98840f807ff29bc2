import { ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsOptional, IsString, Matches } from 'class-validator';
import { CommaList } from '../../http/comma-list.decorator.js';
import { IsMoment } from '../../http/moment.js';
import { Strict } from '../../http/strict.decorator.js';
import { TASK_STATES, type TaskState } from '../../task/task-state.js';
import { COMMA_LIST, MOMENT } from './field-docs.js';
import { BATCH_ID, GROUP, LIMITS, QUEUE_NAME, WORKER_ID } from './limits.js';
import { IsCauseFilter, IsCursor, IsListOf, IsPageSize, IsQueueList, IsWait } from './shared-fields.js';

/** `GET /tasks/next`. */
export class NextQuery {
  @IsWait('a ready task')
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
  @IsWait('the end of the task')
  readonly wait: number = 0;
}

/** The shared filter of lists and clears. */
class QueueAndStatusQuery {
  @IsQueueList('Only tasks of these queues, separated by commas')
  readonly queue?: string[];

  @IsListOf(TASK_STATES, 'Only tasks in these states, separated by commas')
  readonly status?: TaskState[];

  @IsCauseFilter()
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

  @IsPageSize('Tasks per page', LIMITS.pageSize)
  readonly limit: number = 100;

  @IsCursor()
  readonly cursor?: string;
}
