import { ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { Strict } from '../../http/strict.decorator.js';
import type { FailedTask } from '../../task/task.js';
import {
  IsCauseFilter,
  IsCursor,
  IsPageSize,
  IsReason,
  IsReset,
  IsWait,
} from '../../queue/dto/shared-fields.js';

/** `GET /batches/{batch_id}`. */
export class BatchQuery {
  @IsWait('the end of the batch')
  readonly wait: number = 0;
}

/** `GET /batches`. */
export class BatchListQuery {
  @IsPageSize('Batches per page', 500)
  readonly limit: number = 100;

  @IsCursor('cursor must be the next_cursor of a page')
  readonly cursor?: string;
}

/** `POST /batches/{batch_id}/cancel`. */
@Strict({ mayBeNull: ['reason'] })
@ApiSchema({ name: 'BatchCancellation' })
export class BatchCancelDto {
  @IsReason('The reason, shown in the `message` of each task')
  readonly reason?: string;

  @IsCauseFilter()
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

  @IsReset()
  readonly reset?: boolean;

  @IsCauseFilter()
  readonly cause?: string;
}
