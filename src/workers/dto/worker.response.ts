import { ApiProperty } from '@nestjs/swagger';
import { COUNT, TIME } from '../../queue/dto/field-docs.js';
import { WORKER_STATES, type WorkerState } from '../worker-state.js';

/** Responses about workers, for the OpenAPI document; `workers.controller.ts` writes them. */

export class Quarantine {
  @ApiProperty({ ...TIME, description: 'When it began' })
  readonly since!: string;

  @ApiProperty({ description: 'The reason' })
  readonly reason!: string;
}

export class ListedWorker {
  @ApiProperty({ description: 'The id of the worker' })
  readonly worker_id!: string;

  @ApiProperty({
    enum: WORKER_STATES,
    description:
      'busy: holds tasks and the service heard from it recently; idle: holds no task and was active within a third of ' +
      'WORKER_FORGET_SECONDS, or has a parked poll; silent: holds tasks and missed two heartbeats of its ' +
      'shortest lease; gone: signed off, or holds no task and was inactive for longer',
  })
  readonly state!: WorkerState;

  @ApiProperty({
    enum: ['active', 'draining'],
    description: 'draining: it gets no more tasks',
  })
  readonly status!: 'active' | 'draining';

  @ApiProperty({
    type: () => Quarantine,
    nullable: true,
    description: 'Why the service gives it no more tasks until it is resumed',
  })
  readonly quarantine!: Quarantine | null;

  @ApiProperty({ ...TIME, description: 'When the service first saw it since it last left the list' })
  readonly first_seen_at!: string;

  @ApiProperty({
    ...TIME,
    description:
      'When it last claimed, sent a heartbeat, reported or signed off; now, while it has a parked poll',
  })
  readonly last_seen_at!: string;

  @ApiProperty({ type: [String], description: 'The queues of its last claim' })
  readonly queues!: readonly string[];

  @ApiProperty({ type: [String], description: 'The tasks that it holds, newest first, at most 100' })
  readonly held_tasks!: readonly string[];

  @ApiProperty({ ...COUNT, description: 'The number of tasks that it holds' })
  readonly held!: number;

  @ApiProperty({
    ...COUNT,
    description: 'Completed attempts since it was first seen, in queues that the key has access to',
  })
  readonly completed!: number;

  @ApiProperty({ ...COUNT, description: 'Failed attempts since then' })
  readonly failed!: number;

  @ApiProperty({ ...COUNT, description: 'Lost leases since then' })
  readonly lost!: number;
}

export class WorkerList {
  @ApiProperty({ type: [ListedWorker], description: 'Workers by id' })
  readonly workers!: readonly ListedWorker[];
}

export class WorkerStatus {
  @ApiProperty({ description: 'The id of the worker' })
  readonly worker_id!: string;

  @ApiProperty({ enum: ['active', 'draining'], description: 'The new status of the worker' })
  readonly status!: 'active' | 'draining';
}
