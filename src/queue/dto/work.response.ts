import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ANY_JSON, INTEGER, INTEGER_OR_NULL, LABELS_OR_NULL, TEXT_OR_NULL, TIME } from './field-docs.js';

/** Responses to workers, for the OpenAPI document; `task.view.ts` writes them. */

/** A claimed task with its payload and lease. */
export class ClaimedTask {
  @ApiProperty({ description: 'The id of the task' })
  readonly eval_id!: string;

  @ApiProperty({ enum: ['processing'], description: 'The state of the task' })
  readonly status!: 'processing';

  @ApiProperty({ description: 'The language of the code' })
  readonly language!: string;

  @ApiProperty({ description: 'The engine that runs the code' })
  readonly engine!: string;

  @ApiProperty({ description: 'Seconds that this attempt can run' })
  readonly timeout!: number;

  @ApiProperty({ ...INTEGER, description: 'Higher goes first' })
  readonly priority!: number;

  @ApiProperty({ description: 'The queue of the task' })
  readonly queue!: string;

  @ApiProperty({ ...TIME, description: 'When it was enqueued' })
  readonly queued_at!: string;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The group of the task' })
  readonly group!: string | null;

  @ApiProperty({ ...LABELS_OR_NULL, description: 'Labels that a worker must offer' })
  readonly requires!: Record<string, string> | null;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The batch of the task' })
  readonly batch_id!: string | null;

  @ApiProperty({ ...INTEGER, minimum: 1, description: 'The number of this attempt' })
  readonly attempt!: number;

  @ApiProperty({ ...INTEGER, minimum: 1, description: 'Failures until the task is a dead letter' })
  readonly max_attempts!: number;

  @ApiProperty({ ...INTEGER, minimum: 0, description: 'Lost leases that return the task to the queue' })
  readonly max_interruptions!: number;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The worker that claimed it' })
  readonly worker_id!: string | null;

  @ApiProperty({ description: 'Proof of the lease: send it with every call about this attempt' })
  readonly lease_id!: string;

  @ApiProperty({ ...TIME, description: 'The end of the lease without a heartbeat' })
  readonly lease_expires_at!: string;

  @ApiProperty({ description: 'Seconds between heartbeats; the lease survives two lost ones' })
  readonly heartbeat_interval!: number;

  @ApiProperty({
    ...TIME,
    nullable: true,
    description: 'The deadline of the task; heartbeats cannot extend the lease beyond it',
  })
  readonly deadline_at!: string | null;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The trace context of the producer' })
  readonly traceparent!: string | null;

  @ApiProperty({
    ...ANY_JSON,
    description: 'The checkpoint that an earlier attempt saved, as the same JSON text; null without one',
  })
  readonly checkpoint!: unknown;

  @ApiProperty({ ...INTEGER_OR_NULL, description: 'The attempt that saved the checkpoint; null without one' })
  readonly checkpoint_attempt!: number | null;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    nullable: true,
    description: 'The producer’s metadata, as the same JSON text',
  })
  readonly metadata!: object | null;

  @ApiProperty({ description: 'The code, unchanged' })
  readonly code!: string;
}

export class ClaimedTasks {
  @ApiProperty({ type: [ClaimedTask], description: 'Empty when no task is ready' })
  readonly tasks!: readonly ClaimedTask[];

  @ApiPropertyOptional({ enum: ['drain'], description: 'drain: this worker gets no more tasks' })
  readonly command?: 'drain';
}

/** An extended lease. */
export class KeptLease {
  @ApiProperty({ ...TIME, description: 'The end of the lease without another heartbeat' })
  readonly lease_expires_at!: string;

  @ApiProperty({
    type: String,
    enum: ['drain'],
    nullable: true,
    description: 'drain: finish this task and claim no other',
  })
  readonly command!: 'drain' | null;

  @ApiProperty({ description: 'Seconds until the next heartbeat' })
  readonly heartbeat_interval!: number;
}
