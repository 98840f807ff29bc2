import { ApiProperty } from '@nestjs/swagger';
import { COUNT, TIME } from '../../queue/dto/field.docs.js';
import { WORKER_STATES, type WorkerState } from '../worker.state.js';

/** Answers about workers. They exist for the OpenAPI document; `workers.controller.ts` writes them. */

export class ListedWorker {
  @ApiProperty({ description: 'The name of the worker, as it gives it' })
  readonly worker_id!: string;

  @ApiProperty({
    enum: WORKER_STATES,
    description:
      'busy: it holds tasks and was heard lately; idle: it was heard lately, or has a parked poll, and holds nothing; ' +
      'silent: it holds tasks and was not heard for two heartbeats of its shortest lease, or for WORKER_FORGET_SECONDS; ' +
      'gone: it said goodbye, or holds nothing and was not heard for a third of WORKER_FORGET_SECONDS',
  })
  readonly state!: WorkerState;

  @ApiProperty({
    enum: ['active', 'draining'],
    description: 'draining: it gets nothing any more, whatever its state',
  })
  readonly status!: 'active' | 'draining';

  @ApiProperty({ ...TIME, description: 'When it was first seen, since it was last forgotten' })
  readonly first_seen_at!: string;

  @ApiProperty({
    ...TIME,
    description: 'When it last claimed, beat or reported, or said goodbye; now, while it has a parked poll',
  })
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
