import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { OpaqueJson, type RawJson } from '../../http/raw-json.js';
import { ANY_JSON } from './field-docs.js';
import { IsQueueChoice, type QueueChoice } from '../queue-choice.js';
import { EVAL_ID, LEASE_ID, LIMITS, QUEUE_NAME, REQUIRED_VALUE, WORKER_ID } from './limits.js';
import { IsCause, IsCheckpoint, IsOptionalLease, IsReason, IsWait, LEASE } from './shared-fields.js';

/** Seconds. The maximum of `MAX_LEASE_SECONDS`; the service checks the setting itself. */
const MAX_LEASE = 2_592_000;

@ApiSchema({ name: 'Claim' })
export class ClaimDto {
  @ApiProperty({ description: 'The id of the worker', example: 'worker-1' })
  @IsString()
  @Matches(WORKER_ID)
  readonly worker_id!: string;

  @ApiPropertyOptional({
    oneOf: [
      {
        type: 'array',
        items: { type: 'string', pattern: QUEUE_NAME.source },
        minItems: 1,
        maxItems: LIMITS.queuesPerClaim,
      },
      {
        type: 'object',
        additionalProperties: { type: 'number', minimum: 0.001, maximum: 1_000_000 },
        minProperties: 1,
        maxProperties: LIMITS.queuesPerClaim,
      },
    ],
    description:
      'Queues to claim from: a list in order, or weights such as `{"a": 3, "b": 1}`, which tries a first three times out of four',
    default: ['default'],
  })
  @IsOptional()
  @IsQueueChoice()
  readonly queues: QueueChoice = ['default'];

  @ApiPropertyOptional({
    description: 'Tasks to claim at most',
    default: 1,
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(LIMITS.tasksPerClaim)
  readonly max_tasks: number = 1;

  @IsWait('a ready task')
  readonly wait: number = 0;

  @ApiPropertyOptional({
    description:
      'Seconds of each lease, at most MAX_LEASE_SECONDS; by default the timeout plus LEASE_GRACE_SECONDS',
  })
  @IsOptional()
  @IsNumber()
  @Min(1)
  @Max(MAX_LEASE)
  readonly lease?: number;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string', pattern: REQUIRED_VALUE.source },
    description: `What the worker offers, ${LIMITS.labels} labels at most: it gets tasks that require nothing else`,
    example: { gpu: 'a100', zone: 'eu-1' },
  })
  @IsOptional()
  @OpaqueJson({ type: 'object', maxBytes: LIMITS.labelsBytes })
  readonly labels?: RawJson;

  @ApiPropertyOptional({
    description: 'Identifies this call: repeating it returns the tasks that it claimed and still holds',
  })
  @IsOptional()
  @IsString()
  @Matches(WORKER_ID)
  readonly claim_id?: string;
}

@ApiSchema({ name: 'Progress' })
export class ProgressDto {
  @ApiPropertyOptional({ description: 'Percent done', maximum: 100 })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(100)
  readonly percent?: number;

  @ApiPropertyOptional({ description: 'The current step', maxLength: 1000 })
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  readonly message?: string;
}

/** What a heartbeat can say about the attempt. */
class BeatDto {
  @ApiPropertyOptional({
    description:
      'Seconds to extend the lease from now, at most MAX_LEASE_SECONDS; by default the length of the lease',
  })
  @IsOptional()
  @IsNumber()
  @Min(1)
  @Max(MAX_LEASE)
  readonly extend?: number;

  @ApiPropertyOptional({ type: () => ProgressDto, description: 'Progress to show' })
  @IsOptional()
  @ValidateNested()
  @Type(() => ProgressDto)
  readonly progress?: ProgressDto;

  @IsCheckpoint()
  readonly checkpoint?: RawJson;
}

@ApiSchema({ name: 'Heartbeat' })
export class HeartbeatDto extends BeatDto {
  @IsOptionalLease()
  readonly lease_id?: string;
}

/** One heartbeat of a bulk request. */
@ApiSchema({ name: 'HeldLease' })
export class HeldLeaseDto extends BeatDto {
  @ApiProperty({ description: 'The id of the task', example: 'eval-1' })
  @IsString()
  @Matches(EVAL_ID)
  readonly eval_id!: string;

  @ApiProperty(LEASE)
  @IsString()
  @Matches(LEASE_ID)
  readonly lease_id!: string;
}

@ApiSchema({ name: 'Heartbeats' })
export class HeartbeatsDto {
  @ApiProperty({ description: 'The worker that holds them', example: 'worker-1' })
  @IsString()
  @Matches(WORKER_ID)
  readonly worker_id!: string;
}

@ApiSchema({ name: 'Completion' })
export class CompleteDto {
  @IsOptionalLease()
  readonly lease_id?: string;

  @ApiPropertyOptional({
    ...ANY_JSON,
    description: 'The output: any JSON value, kept as the same text',
    example: { stdout: '42\n' },
  })
  @IsOptional()
  @OpaqueJson({ type: 'any', maxBytes: 'maxBodyBytes', isNullValue: true })
  readonly output?: RawJson;
}

@ApiSchema({ name: 'Failure' })
export class FailDto {
  @IsOptionalLease()
  readonly lease_id?: string;

  @ApiPropertyOptional({ description: 'The error message, kept unchanged', example: 'exit code 1' })
  @IsOptional()
  @IsString()
  readonly error?: string;

  @ApiPropertyOptional({ description: 'false: no retry, even with attempts left', default: true })
  @IsOptional()
  @IsBoolean()
  readonly retryable?: boolean;

  @ApiPropertyOptional({
    description: 'Seconds before the next attempt, instead of the backoff',
  })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(LIMITS.delay)
  readonly retry_after?: number;

  @ApiPropertyOptional({
    description: 'Exit code of the program',
    example: 1,
  })
  @IsOptional()
  @IsInt()
  @Min(-2_147_483_648)
  @Max(4_294_967_295)
  readonly exit_code?: number;

  @ApiPropertyOptional({
    default: 'failed',
    description: 'lost: the machine failed, not the task; spends an interruption',
  })
  @IsOptional()
  @IsIn(['failed', 'lost'])
  readonly outcome?: 'failed' | 'lost';

  @IsCause('oom')
  readonly cause?: string;

  @IsCheckpoint()
  readonly checkpoint?: RawJson;
}

@ApiSchema({ name: 'Release' })
export class ReleaseDto {
  @IsOptionalLease()
  readonly lease_id?: string;

  @ApiPropertyOptional({
    description: 'Seconds until the task can be claimed again',
    default: 0,
  })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(LIMITS.delay)
  readonly delay?: number;

  @IsReason('The reason, recorded with the attempt')
  readonly reason?: string;

  @IsCause()
  readonly cause?: string;

  @IsCheckpoint()
  readonly checkpoint?: RawJson;
}

/** One result of a bulk report: the fields of complete or fail, and the task. */
@ApiSchema({ name: 'TaskResult' })
export class TaskResultDto extends FailDto {
  @ApiProperty({ description: 'The id of the task', example: 'eval-1' })
  @IsString()
  @Matches(EVAL_ID)
  readonly eval_id!: string;

  @ApiProperty({ enum: ['completed', 'failed'], description: 'How it ended' })
  @IsIn(['completed', 'failed'])
  readonly status!: 'completed' | 'failed';

  @ApiPropertyOptional({
    ...ANY_JSON,
    description: 'The output of a completed task: any JSON value, kept as the same text',
  })
  @IsOptional()
  @OpaqueJson({ type: 'any', maxBytes: 'maxBodyBytes', isNullValue: true })
  readonly output?: RawJson;
}

/** Results of several tasks and an optional claim in the same round trip. */
@ApiSchema({ name: 'TaskResults' })
export class TaskResultsDto {
  @ApiPropertyOptional({ type: () => ClaimDto, description: 'Also claims the next tasks' })
  @IsOptional()
  @ValidateNested()
  @Type(() => ClaimDto)
  readonly claim?: ClaimDto;
}
