import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { COUNT } from './field.docs.js';

/** Answers with counts. They exist for the OpenAPI document; `status.service.ts` makes them. */

/** The tasks of one queue, by state. */
export class QueueCounts {
  @ApiProperty({ ...COUNT, description: 'Tasks that wait for their time' })
  readonly delayed!: number;

  @ApiProperty({ ...COUNT, description: 'Tasks that could be claimed now' })
  readonly queued!: number;

  @ApiProperty({ ...COUNT, description: 'Tasks that a worker holds' })
  readonly processing!: number;

  @ApiProperty({ ...COUNT, description: 'Tasks that succeeded and are still kept' })
  readonly completed!: number;

  @ApiProperty({ ...COUNT, description: 'Dead letters: tasks whose budget ran out' })
  readonly failed!: number;

  @ApiProperty({ ...COUNT, description: 'Tasks that were cancelled and are still kept' })
  readonly cancelled!: number;

  @ApiProperty({ ...COUNT, description: 'Dead letters: tasks that did not start in time' })
  readonly expired!: number;

  @ApiProperty({
    type: Number,
    nullable: true,
    minimum: 0,
    description: 'Seconds that the oldest queued task has waited; null when none is queued',
  })
  readonly oldest_queued_age!: number | null;
}

@ApiExtraModels(QueueCounts)
export class StatusAnswer extends QueueCounts {
  @ApiProperty({ ...COUNT, description: 'The same as `queued`' })
  readonly queue_length!: number;

  @ApiProperty({ ...COUNT, description: 'Every task that is known, in whatever state' })
  readonly total_tasks!: number;

  @ApiProperty({
    type: 'object',
    additionalProperties: { $ref: getSchemaPath(QueueCounts) },
    description: 'The same by queue',
  })
  readonly queues!: Readonly<Record<string, QueueCounts>>;
}
