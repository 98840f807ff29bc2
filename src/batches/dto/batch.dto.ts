import { ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import {
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
import { CURSOR } from '../../http/cursor.js';
import { Strict } from '../../http/strict.decorator.js';
import type { FailedTask } from '../../task/task.js';
import { CAUSE, LIMITS } from '../../queue/dto/limits.js';

/** `GET /batches/{batch_id}`. */
export class BatchQuery {
  @ApiPropertyOptional({
    description: 'Seconds to wait for the end of the batch',
    default: 0,
  })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(LIMITS.wait)
  readonly wait: number = 0;
}

/** `GET /batches`. */
export class BatchListQuery {
  @ApiPropertyOptional({
    description: 'Batches per page',
    default: 100,
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(500)
  readonly limit: number = 100;

  @ApiPropertyOptional({ description: 'The `next_cursor` of the previous page' })
  @IsOptional()
  @IsString()
  @Matches(CURSOR, { message: 'cursor must be the next_cursor of a page' })
  readonly cursor?: string;
}

/** `POST /batches/{batch_id}/cancel`. */
@Strict({ mayBeNull: ['reason'] })
@ApiSchema({ name: 'BatchCancellation' })
export class BatchCancelDto {
  @ApiPropertyOptional({ description: 'The reason, shown in the `message` of each task', maxLength: 1000 })
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  readonly reason?: string;

  @ApiPropertyOptional({ description: 'Only tasks whose latest attempt ended with this cause' })
  @IsOptional()
  @IsString()
  @Matches(CAUSE)
  readonly cause?: string;
}

/** `POST /batches/{batch_id}/redrive`. */
@Strict()
@ApiSchema({ name: 'BatchRedrive' })
export class BatchRedriveDto {
  @ApiPropertyOptional({
    description:
      'failed: only tasks without attempts left; lost: only tasks without interruptions left; deadline: only tasks whose deadline passed; by default all, and expired tasks',
  })
  @IsOptional()
  @IsIn(['failed', 'lost', 'deadline'])
  readonly outcome?: FailedTask['outcome'];

  @ApiPropertyOptional({
    description: 'true: drops the checkpoint, so that the next attempt starts from the beginning',
    default: false,
  })
  @IsOptional()
  @IsBoolean()
  readonly reset?: boolean;

  @ApiPropertyOptional({ description: 'Only tasks whose latest attempt ended with this cause' })
  @IsOptional()
  @IsString()
  @Matches(CAUSE)
  readonly cause?: string;
}
