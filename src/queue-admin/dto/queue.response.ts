import { ApiProperty } from '@nestjs/swagger';
import { COUNT, INTEGER_OR_NULL, TIME } from '../../queue/dto/field-docs.js';
import { OutageGuardDto, RateLimitDto } from './queue.dto.js';

/** Responses about queues, for the OpenAPI document; `queues.controller.ts` writes them. */

export class QueueStatistics {
  @ApiProperty({ ...COUNT, description: 'Ready tasks' })
  readonly ready!: number;

  @ApiProperty({ ...COUNT, description: 'Tasks held by workers' })
  readonly leased!: number;

  @ApiProperty({ ...COUNT, description: 'Delayed tasks' })
  readonly delayed!: number;

  @ApiProperty({ ...COUNT, description: 'ready plus leased, for scaling workers' })
  readonly backlog!: number;

  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'Age of the oldest ready task; null when none is ready',
  })
  readonly oldest_ready_age_seconds!: number | null;
}

export class QueueOutage {
  @ApiProperty({ ...TIME, description: 'The first interruption of the outage' })
  readonly since!: string;
}

export class QueueDetails {
  @ApiProperty({ description: 'The name of the queue' })
  readonly queue!: string;

  @ApiProperty({ description: 'Whether the queue is paused' })
  readonly paused!: boolean;

  @ApiProperty({ ...INTEGER_OR_NULL, description: 'Most waiting tasks' })
  readonly max_depth!: number | null;

  @ApiProperty({ ...INTEGER_OR_NULL, description: 'Most tasks held at the same time' })
  readonly max_concurrency!: number | null;

  @ApiProperty({ ...INTEGER_OR_NULL, description: 'The same for each group' })
  readonly max_concurrency_per_group!: number | null;

  @ApiProperty({ type: () => RateLimitDto, nullable: true, description: 'The rate limit of claims' })
  readonly rate_limit!: RateLimitDto | null;

  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'Seconds of waiting that add one point of priority',
  })
  readonly priority_ageing!: number | null;

  @ApiProperty({
    type: () => OutageGuardDto,
    nullable: true,
    description: 'When interruptions count as an outage; null: the guard is off',
  })
  readonly outage_guard!: OutageGuardDto | null;

  @ApiProperty({
    type: () => QueueOutage,
    nullable: true,
    description:
      'The present outage; interruptions spend no budget, and the queue hands out one task a second',
  })
  readonly outage!: QueueOutage | null;

  @ApiProperty({ type: QueueStatistics, description: 'The current statistics' })
  readonly stats!: QueueStatistics;
}

export class QueueList {
  @ApiProperty({ type: [QueueDetails], description: 'Queues by name' })
  readonly queues!: readonly QueueDetails[];
}
