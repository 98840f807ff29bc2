import { ApiProperty } from '@nestjs/swagger';
import { COUNT, TIME } from '../../queue/dto/field.docs.js';

/** Answers about workers. They exist for the OpenAPI document; `workers.controller.ts` writes them. */

export class ListedWorker {
  @ApiProperty({ description: 'The name of the worker, as it gives it' })
  readonly worker_id!: string;

  @ApiProperty({ enum: ['active', 'draining'], description: 'draining: it gets nothing any more' })
  readonly status!: 'active' | 'draining';

  @ApiProperty({ ...TIME, description: 'When it was first seen, since it was last forgotten' })
  readonly first_seen_at!: string;

  @ApiProperty({ ...TIME, description: 'When it last claimed, beat or reported' })
  readonly last_seen_at!: string;

  @ApiProperty({ type: [String], description: 'The queues that it claimed from last' })
  readonly queues!: readonly string[];

  @ApiProperty({ type: [String], description: 'The tasks that it holds now, the newest first, 100 at most' })
  readonly held_tasks!: readonly string[];

  @ApiProperty({ ...COUNT, description: 'How many tasks it holds now' })
  readonly held!: number;

  @ApiProperty({ ...COUNT, description: 'Attempts that it completed since it was first seen' })
  readonly completed!: number;

  @ApiProperty({ ...COUNT, description: 'Attempts that failed since then' })
  readonly failed!: number;

  @ApiProperty({ ...COUNT, description: 'Leases that it lost since then' })
  readonly lost!: number;
}

export class WorkerList {
  @ApiProperty({ type: [ListedWorker], description: 'By name' })
  readonly workers!: readonly ListedWorker[];
}

export class WorkerStatus {
  @ApiProperty({ description: 'The name of the worker' })
  readonly worker_id!: string;

  @ApiProperty({ enum: ['active', 'draining'], description: 'What it is from now on' })
  readonly status!: 'active' | 'draining';
}
