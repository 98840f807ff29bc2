import { ApiProperty } from '@nestjs/swagger';
import { COUNT, INTEGER_OR_NULL, TEXT_OR_NULL, TIME_OR_NULL } from '../../queue/dto/field-docs.js';

/** Responses about batches, for the OpenAPI document; `batches.controller.ts` writes them. */

export class BatchCounts {
  @ApiProperty({ ...COUNT, description: 'Delayed tasks' })
  readonly delayed!: number;

  @ApiProperty({ ...COUNT, description: 'Queued tasks' })
  readonly queued!: number;

  @ApiProperty({ ...COUNT, description: 'Tasks held by workers' })
  readonly processing!: number;

  @ApiProperty({ ...COUNT, description: 'Completed tasks' })
  readonly completed!: number;

  @ApiProperty({
    ...COUNT,
    description: 'Dead letters without attempts or interruptions left',
  })
  readonly failed!: number;

  @ApiProperty({ ...COUNT, description: 'Cancelled tasks' })
  readonly cancelled!: number;

  @ApiProperty({ ...COUNT, description: 'Expired tasks' })
  readonly expired!: number;
}

export class BatchStatus {
  @ApiProperty({ description: 'The id of the batch' })
  readonly batch_id!: string;

  @ApiProperty({
    enum: ['running', 'done'],
    description: 'done: each task has ended. A new task or a redrive makes it running again',
  })
  readonly status!: 'running' | 'done';

  @ApiProperty({
    ...COUNT,
    description: 'All tasks, including ended ones until their retention is over',
  })
  readonly total!: number;

  @ApiProperty({ ...COUNT, description: 'Tasks that have not ended' })
  readonly pending!: number;

  @ApiProperty({ type: BatchCounts, description: 'Tasks by state' })
  readonly counts!: BatchCounts;

  @ApiProperty({ ...TIME_OR_NULL, description: 'When it was created; null if its tasks came one by one' })
  readonly created_at!: string | null;

  @ApiProperty({ ...TIME_OR_NULL, description: 'When the last task ended' })
  readonly done_at!: string | null;

  @ApiProperty({ ...TIME_OR_NULL, description: 'When the batch was last cancelled as a whole' })
  readonly cancelled_at!: string | null;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'URL that gets a webhook when the batch is done' })
  readonly callback_url!: string | null;

  @ApiProperty({
    ...INTEGER_OR_NULL,
    description: 'Failed tasks that the batch tolerates; one more cancels the rest',
  })
  readonly max_failures!: number | null;
}

export class BatchList {
  @ApiProperty({ type: [BatchStatus], description: 'The newest first' })
  readonly batches!: readonly BatchStatus[];

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The `cursor` of the next page; null on the last' })
  readonly next_cursor!: string | null;
}

export class CancelledBatch {
  @ApiProperty({ description: 'The id of the batch' })
  readonly batch_id!: string;

  @ApiProperty({ ...COUNT, description: 'The number of cancelled tasks' })
  readonly tasks_cancelled!: number;
}

export class RedrivenBatch {
  @ApiProperty({ description: 'The id of the batch' })
  readonly batch_id!: string;

  @ApiProperty({ ...COUNT, description: 'The number of tasks queued again' })
  readonly tasks_redriven!: number;
}
