import { ApiProperty } from '@nestjs/swagger';
import { COUNT, INTEGER_OR_NULL } from '../../queue/dto/field.docs.js';
import { RateLimitDto } from './queue.dto.js';

/** Answers about queues. They exist for the OpenAPI document; `queues.controller.ts` writes them. */

export class QueueStatistics {
  @ApiProperty({ ...COUNT, description: 'Tasks that can be claimed' })
  readonly ready!: number;

  @ApiProperty({ ...COUNT, description: 'Tasks that are being worked on' })
  readonly leased!: number;

  @ApiProperty({ ...COUNT, description: 'Tasks that wait for their time' })
  readonly delayed!: number;

  @ApiProperty({ ...COUNT, description: 'ready and leased together: the number to scale workers by' })
  readonly backlog!: number;

  @ApiProperty({ type: Number, nullable: true, description: 'Seconds; null when nothing is ready' })
  readonly oldest_ready_age_seconds!: number | null;
}

export class QueueDetails {
  @ApiProperty({ description: 'The name of the queue' })
  readonly queue!: string;

  @ApiProperty({ description: 'Whether it hands out nothing' })
  readonly paused!: boolean;

  @ApiProperty({ ...INTEGER_OR_NULL, description: 'Tasks that may wait' })
  readonly max_depth!: number | null;

  @ApiProperty({ ...INTEGER_OR_NULL, description: 'Tasks that may be worked on at the same time' })
  readonly max_concurrency!: number | null;

  @ApiProperty({ ...INTEGER_OR_NULL, description: 'The same for each group' })
  readonly max_concurrency_per_group!: number | null;

  @ApiProperty({ type: () => RateLimitDto, nullable: true, description: 'How fast tasks may be handed out' })
  readonly rate_limit!: RateLimitDto | null;

  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'Seconds of waiting that are worth one point of priority',
  })
  readonly priority_ageing!: number | null;

  @ApiProperty({ type: QueueStatistics, description: 'How it is now' })
  readonly stats!: QueueStatistics;
}

export class QueueList {
  @ApiProperty({ type: [QueueDetails], description: 'By name' })
  readonly queues!: readonly QueueDetails[];
}
