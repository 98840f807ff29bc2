import { ApiProperty } from '@nestjs/swagger';
import { COUNT } from '../../queue/dto/field.docs.js';

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

  @ApiProperty({ type: QueueStatistics, description: 'How it is now' })
  readonly stats!: QueueStatistics;
}

export class QueueList {
  @ApiProperty({ type: [QueueDetails], description: 'By name' })
  readonly queues!: readonly QueueDetails[];
}
