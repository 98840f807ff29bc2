import { ApiProperty } from '@nestjs/swagger';
import { COUNT, INTEGER_OR_NULL, TEXT_OR_NULL, TIME_OR_NULL } from '../../queue/dto/field.docs.js';

/** Answers about batches. They exist for the OpenAPI document; `batches.controller.ts` writes them. */

export class BatchCounts {
  @ApiProperty({ ...COUNT, description: 'Wait for their time' })
  readonly delayed!: number;

  @ApiProperty({ ...COUNT, description: 'Wait for a worker' })
  readonly queued!: number;

  @ApiProperty({ ...COUNT, description: 'Are being worked on' })
  readonly processing!: number;

  @ApiProperty({ ...COUNT, description: 'Were completed' })
  readonly completed!: number;

  @ApiProperty({
    ...COUNT,
    description: 'Are dead letters: they failed, or their workers were lost, too often',
  })
  readonly failed!: number;

  @ApiProperty({ ...COUNT, description: 'Were cancelled' })
  readonly cancelled!: number;

  @ApiProperty({ ...COUNT, description: 'Expired before they were started' })
  readonly expired!: number;
}

export class BatchStatus {
  @ApiProperty({ description: 'The name of the batch' })
  readonly batch_id!: string;

  @ApiProperty({
    enum: ['running', 'done'],
    description: 'done: each of its tasks has ended. It may grow again',
  })
  readonly status!: 'running' | 'done';

  @ApiProperty({
    ...COUNT,
    description: 'Tasks that are known; ended ones are forgotten after their retention',
  })
  readonly total!: number;

  @ApiProperty({ ...COUNT, description: 'Tasks that have not ended' })
  readonly pending!: number;

  @ApiProperty({ type: BatchCounts, description: 'Tasks by state' })
  readonly counts!: BatchCounts;

  @ApiProperty({ ...TIME_OR_NULL, description: 'When it was made; null when its tasks came one by one' })
  readonly created_at!: string | null;

  @ApiProperty({ ...TIME_OR_NULL, description: 'When its last task ended' })
  readonly done_at!: string | null;

  @ApiProperty({ ...TIME_OR_NULL, description: 'When what was left of it was last cancelled as a whole' })
  readonly cancelled_at!: string | null;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'Is told when the batch is done' })
  readonly callback_url!: string | null;

  @ApiProperty({ ...INTEGER_OR_NULL, description: 'More failed tasks than that cancel the rest' })
  readonly max_failures!: number | null;
}

export class BatchList {
  @ApiProperty({ type: [BatchStatus], description: 'The newest first' })
  readonly batches!: readonly BatchStatus[];

  @ApiProperty({ ...TEXT_OR_NULL, description: 'Send it as `cursor` for the next page; null on the last' })
  readonly next_cursor!: string | null;
}

export class CancelledBatch {
  @ApiProperty({ description: 'The name of the batch' })
  readonly batch_id!: string;

  @ApiProperty({ ...COUNT, description: 'How many tasks were cancelled' })
  readonly tasks_cancelled!: number;
}

export class RedrivenBatch {
  @ApiProperty({ description: 'The name of the batch' })
  readonly batch_id!: string;

  @ApiProperty({ ...COUNT, description: 'How many tasks wait again' })
  readonly tasks_redriven!: number;
}
