import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsIn, IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { Strict } from '../../http/strict.decorator.js';
import { IsWebAddress } from '../../config/web-address.decorator.js';
import { BATCH_ID, GROUP, LIMITS, QUEUE_NAME } from './limits.js';
import { REDRIVABLE_STATES } from '../../task/task-state.js';
import { IsCauseFilter, IsReason, IsReset } from './shared-fields.js';

/** `POST /tasks/{eval_id}/cancel`. */
@ApiSchema({ name: 'Cancellation' })
export class CancelDto {
  @IsReason('The reason, shown in the `message` of the task')
  readonly reason?: string;
}

/** `POST /tasks/{eval_id}/priority`. */
@ApiSchema({ name: 'Priority' })
export class PriorityDto {
  @ApiProperty({ description: 'The new priority: higher priorities go first', type: 'integer' })
  @IsInt()
  @Min(-LIMITS.priority)
  @Max(LIMITS.priority)
  readonly priority!: number;
}

/** `POST /tasks/{eval_id}/redrive`. */
@ApiSchema({ name: 'RedriveOne' })
export class RedriveOneDto {
  @IsReset()
  readonly reset?: boolean;
}

/** `POST /tasks/redrive`. */
@Strict()
@ApiSchema({ name: 'Redrive' })
export class RedriveDto {
  @ApiProperty({ enum: REDRIVABLE_STATES, description: 'The state of the tasks to redrive' })
  @IsIn(REDRIVABLE_STATES)
  readonly status!: (typeof REDRIVABLE_STATES)[number];

  @ApiPropertyOptional({ description: 'Only tasks of this queue' })
  @IsOptional()
  @IsString()
  @Matches(QUEUE_NAME)
  readonly queue?: string;

  @ApiPropertyOptional({ description: 'Only tasks of this group', minLength: 1, maxLength: 128 })
  @IsOptional()
  @IsString()
  @Matches(GROUP, { message: LIMITS.groupMessage })
  readonly group?: string;

  @IsCauseFilter()
  readonly cause?: string;

  @ApiPropertyOptional({
    description: 'Tasks to redrive at most, newest first',
    default: 1000,
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(LIMITS.redrive)
  readonly limit: number = 1000;

  @IsReset()
  readonly reset?: boolean;
}

/** The envelope of a batch. */
@ApiSchema({ name: 'Batch' })
export class BatchDto {
  @ApiPropertyOptional({
    description: 'The batch of all tasks that name none; generated when absent',
  })
  @IsOptional()
  @IsString()
  @Matches(BATCH_ID)
  readonly batch_id?: string;

  @ApiPropertyOptional({
    description: 'URL that gets a webhook when all tasks of the batch have ended',
    format: 'uri',
    example: 'https://example.com/done',
  })
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  @IsWebAddress()
  readonly callback_url?: string;

  @ApiPropertyOptional({
    description: 'Failed tasks that the batch tolerates; one more cancels the rest',
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(LIMITS.maxFailures)
  readonly max_failures?: number;
}
