import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { COUNT } from './field-docs.js';

/** Responses with counts, for the OpenAPI document; `status.service.ts` makes them. */

/** The tasks of one queue, by state. */
export class QueueCounts {
  @ApiProperty({ ...COUNT, description: 'Delayed tasks' })
  readonly delayed!: number;

  @ApiProperty({ ...COUNT, description: 'Ready tasks' })
  readonly queued!: number;

  @ApiProperty({ ...COUNT, description: 'Tasks held by workers' })
  readonly processing!: number;

  @ApiProperty({ ...COUNT, description: 'Completed tasks within their retention' })
  readonly completed!: number;

  @ApiProperty({ ...COUNT, description: 'Dead letters without attempts or interruptions left' })
  readonly failed!: number;

  @ApiProperty({ ...COUNT, description: 'Cancelled tasks within their retention' })
  readonly cancelled!: number;

  @ApiProperty({ ...COUNT, description: 'Dead letters that did not start in time' })
  readonly expired!: number;

  @ApiProperty({
    type: Number,
    nullable: true,
    minimum: 0,
    description: 'Age of the oldest queued task in seconds; null when none is queued',
  })
  readonly oldest_queued_age!: number | null;
}

@ApiExtraModels(QueueCounts)
export class StatusAnswer extends QueueCounts {
  @ApiProperty({ ...COUNT, description: 'The same as `queued`' })
  readonly queue_length!: number;

  @ApiProperty({ ...COUNT, description: 'Tasks in all states' })
  readonly total_tasks!: number;

  @ApiProperty({
    type: 'object',
    additionalProperties: { $ref: getSchemaPath(QueueCounts) },
    description: 'The same by queue',
  })
  readonly queues!: Readonly<Record<string, QueueCounts>>;
}
