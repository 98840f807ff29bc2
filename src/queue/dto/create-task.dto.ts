import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
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
import { IsMoment } from '../../http/moment.js';
import { OpaqueJson, type RawJson } from '../../http/raw-json.js';
import { IsWebAddress } from '../../config/web-address.decorator.js';
import { MOMENT } from './field-docs.js';
import { BATCH_ID, EVAL_ID, GROUP, LABEL, LIMITS, QUEUE_NAME, REQUIRED_VALUE } from './limits.js';

/** The delays between attempts. */
@ApiSchema({ name: 'Backoff' })
export class BackoffDto {
  @ApiPropertyOptional({
    default: 'exponential',
    description: 'exponential doubles the wait with each failure; fixed keeps it',
  })
  @IsOptional()
  @IsIn(['exponential', 'fixed'])
  readonly type: 'exponential' | 'fixed' = 'exponential';

  @ApiPropertyOptional({
    description: 'Seconds after the first failure',
    default: 1,
  })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(LIMITS.backoff)
  readonly delay: number = 1;

  @ApiPropertyOptional({
    description: 'Longest wait in seconds',
    default: 300,
  })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(LIMITS.backoff)
  readonly max_delay: number = 300;

  @ApiPropertyOptional({
    description: 'Random addition, as a share of the wait',
    default: 0.1,
  })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(1)
  readonly jitter: number = 0.1;
}

/** A task in an enqueue request. */
@ApiSchema({ name: 'NewTask' })
export class CreateTaskDto {
  @ApiProperty({
    description: 'The id of the task, chosen by the producer; repeating the same content is safe',
    example: 'eval-42',
  })
  @IsString()
  @Matches(EVAL_ID, { message: LIMITS.evalIdMessage })
  readonly eval_id!: string;

  @ApiProperty({
    type: String,
    description: 'The code to run, passed to the worker unchanged; at most 1 MiB',
    example: 'print(6 * 7)',
  })
  @OpaqueJson({ type: 'string', maxBytes: 'maxCodeBytes' })
  readonly code!: RawJson;

  @ApiPropertyOptional({ description: 'The language of the code', default: 'python' })
  @IsOptional()
  @IsString()
  @Matches(LABEL)
  readonly language: string = 'python';

  @ApiPropertyOptional({
    description: 'The engine that runs the code',
    default: 'docker',
  })
  @IsOptional()
  @IsString()
  @Matches(LABEL)
  readonly engine: string = 'docker';

  @ApiPropertyOptional({
    description: 'Seconds that one attempt can run',
    default: 30,
  })
  @IsOptional()
  @IsNumber()
  @Min(1)
  @Max(LIMITS.timeout)
  readonly timeout: number = 30;

  @ApiPropertyOptional({
    description: 'Higher goes first',
    default: 1,
  })
  @IsOptional()
  @IsInt()
  @Min(-LIMITS.priority)
  @Max(LIMITS.priority)
  readonly priority: number = 1;

  @ApiPropertyOptional({
    description: 'The queue; created on first use',
    default: 'default',
  })
  @IsOptional()
  @IsString()
  @Matches(QUEUE_NAME)
  readonly queue: string = 'default';

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'Any data for the worker, kept as the same JSON text; at most 16 KiB',
    example: { user: 'u-7' },
  })
  @IsOptional()
  @OpaqueJson({ type: 'object', maxBytes: 'maxMetadataBytes' })
  readonly metadata?: RawJson;

  @ApiPropertyOptional({
    description: 'Seconds until it can start; excludes run_at',
  })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(LIMITS.delay)
  readonly delay?: number;

  @ApiPropertyOptional({ description: 'Earliest start; excludes delay', ...MOMENT })
  @IsOptional()
  @IsString()
  @IsMoment()
  readonly run_at?: string;

  @ApiPropertyOptional({
    description: 'Seconds within which it must start; excludes expires_at',
  })
  @IsOptional()
  @IsNumber()
  @Min(0.001)
  @Max(LIMITS.delay)
  readonly ttl?: number;

  @ApiPropertyOptional({
    description: 'Latest start; excludes ttl',
    ...MOMENT,
  })
  @IsOptional()
  @IsString()
  @IsMoment()
  readonly expires_at?: string;

  @ApiPropertyOptional({
    description: 'Seconds from the enqueue until all attempts must be over; excludes deadline_at',
  })
  @IsOptional()
  @IsNumber()
  @Min(0.001)
  @Max(LIMITS.delay)
  readonly deadline?: number;

  @ApiPropertyOptional({ description: 'When all attempts must be over; excludes deadline', ...MOMENT })
  @IsOptional()
  @IsString()
  @IsMoment()
  readonly deadline_at?: string;

  @ApiPropertyOptional({
    description: 'Failures until the task is a dead letter',
    default: 1,
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(LIMITS.attempts)
  readonly max_attempts: number = 1;

  @ApiPropertyOptional({
    description: 'Lost leases that return the task to the queue; one more makes it a dead letter',
    default: 3,
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(LIMITS.attempts)
  readonly max_interruptions: number = 3;

  @ApiPropertyOptional({ type: () => BackoffDto, description: 'The wait between attempts' })
  @IsOptional()
  @ValidateNested()
  @Type(() => BackoffDto)
  readonly backoff?: BackoffDto;

  @ApiPropertyOptional({
    description: 'URL that gets a webhook when the task ends; http or https, without user and password',
    format: 'uri',
    example: 'https://example.org/hooks/eval',
  })
  @IsOptional()
  @IsString()
  @MaxLength(LIMITS.webAddress)
  @IsWebAddress()
  readonly callback_url?: string;

  @ApiPropertyOptional({
    description:
      'The owner of the task, such as a user or team. Within a priority, groups take turns; each can be limited',
    minLength: 1,
    maxLength: 128,
    example: 'team-a',
  })
  @IsOptional()
  @IsString()
  @Matches(GROUP, { message: LIMITS.groupMessage })
  readonly group?: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string', pattern: REQUIRED_VALUE.source },
    description: `Labels that a worker must offer with equal values; at most ${LIMITS.requires}`,
    example: { gpu: 'a100' },
  })
  @IsOptional()
  @OpaqueJson({ type: 'object', maxBytes: LIMITS.labelsBytes })
  readonly requires?: RawJson;

  @ApiPropertyOptional({ description: 'The batch of the task' })
  @IsOptional()
  @IsString()
  @Matches(BATCH_ID)
  readonly batch_id?: string;
}
