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
import { IsWebAddress } from '../../http/web-address.decorator.js';
import { MOMENT } from './field.docs.js';
import { BATCH_ID, EVAL_ID, GROUP, LABEL, LIMITS, QUEUE_NAME, REQUIRED_VALUE } from './limits.js';

/** How long to wait before a failed task is tried again. */
@ApiSchema({ name: 'Backoff' })
export class BackoffDto {
  @ApiPropertyOptional({
    enum: ['exponential', 'fixed'],
    default: 'exponential',
    description: 'Doubling, or always the same',
  })
  @IsOptional()
  @IsIn(['exponential', 'fixed'])
  readonly type: 'exponential' | 'fixed' = 'exponential';

  @ApiPropertyOptional({
    description: 'Seconds after the first failure',
    default: 1,
    minimum: 0,
    maximum: LIMITS.backoff,
  })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(LIMITS.backoff)
  readonly delay: number = 1;

  @ApiPropertyOptional({ description: 'Seconds at most', default: 300, minimum: 0, maximum: LIMITS.backoff })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(LIMITS.backoff)
  readonly max_delay: number = 300;

  @ApiPropertyOptional({
    description: 'Share of the wait that is added at random',
    default: 0.1,
    minimum: 0,
    maximum: 1,
  })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(1)
  readonly jitter: number = 0.1;
}

/** A task as its producer describes it. */
@ApiSchema({ name: 'NewTask' })
export class CreateTaskDto {
  @ApiProperty({
    description: 'The name of the task, chosen by the producer; the same content may be sent under it again',
    pattern: EVAL_ID.source,
    example: 'eval-42',
  })
  @IsString()
  @Matches(EVAL_ID, { message: LIMITS.evalIdMessage })
  readonly eval_id!: string;

  @ApiProperty({
    type: String,
    description: 'What to run; handed to the worker to the byte, 1 MiB at most',
    example: 'print(6 * 7)',
  })
  @OpaqueJson({ type: 'string', maxBytes: 'maxCodeBytes' })
  readonly code!: RawJson;

  @ApiPropertyOptional({ description: 'The language of the code', default: 'python', pattern: LABEL.source })
  @IsOptional()
  @IsString()
  @Matches(LABEL)
  readonly language: string = 'python';

  @ApiPropertyOptional({ description: 'What runs the code', default: 'docker', pattern: LABEL.source })
  @IsOptional()
  @IsString()
  @Matches(LABEL)
  readonly engine: string = 'docker';

  @ApiPropertyOptional({
    description: 'Seconds that one attempt may run',
    default: 30,
    minimum: 1,
    maximum: LIMITS.timeout,
  })
  @IsOptional()
  @IsNumber()
  @Min(1)
  @Max(LIMITS.timeout)
  readonly timeout: number = 30;

  @ApiPropertyOptional({
    type: 'integer',
    description: 'Higher goes first',
    default: 1,
    minimum: -LIMITS.priority,
    maximum: LIMITS.priority,
  })
  @IsOptional()
  @IsInt()
  @Min(-LIMITS.priority)
  @Max(LIMITS.priority)
  readonly priority: number = 1;

  @ApiPropertyOptional({
    description: 'The queue it waits in; created by use',
    default: 'default',
    pattern: QUEUE_NAME.source,
  })
  @IsOptional()
  @IsString()
  @Matches(QUEUE_NAME)
  readonly queue: string = 'default';

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'Anything the worker should know; comes back as the same JSON text, 16 KiB at most',
    example: { user: 'u-7' },
  })
  @IsOptional()
  @OpaqueJson({ type: 'object', maxBytes: 'maxMetadataBytes' })
  readonly metadata?: RawJson;

  @ApiPropertyOptional({
    description: 'Seconds before it may start; not together with run_at',
    minimum: 0,
    maximum: LIMITS.delay,
  })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(LIMITS.delay)
  readonly delay?: number;

  @ApiPropertyOptional({ description: 'When it may start; not together with delay', ...MOMENT })
  @IsOptional()
  @IsString()
  @IsMoment()
  readonly run_at?: string;

  @ApiPropertyOptional({
    description: 'Seconds within which it must start; not together with expires_at',
    minimum: 0.001,
    maximum: LIMITS.delay,
  })
  @IsOptional()
  @IsNumber()
  @Min(0.001)
  @Max(LIMITS.delay)
  readonly ttl?: number;

  @ApiPropertyOptional({
    description: 'When it expires if it has not started; not together with ttl',
    ...MOMENT,
  })
  @IsOptional()
  @IsString()
  @IsMoment()
  readonly expires_at?: string;

  @ApiPropertyOptional({
    type: 'integer',
    description: 'Failures before it is a dead letter',
    default: 1,
    minimum: 1,
    maximum: LIMITS.attempts,
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(LIMITS.attempts)
  readonly max_attempts: number = 1;

  @ApiPropertyOptional({
    type: 'integer',
    description: 'Lost leases that are forgiven before it is a dead letter',
    default: 3,
    minimum: 0,
    maximum: LIMITS.attempts,
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(LIMITS.attempts)
  readonly max_interruptions: number = 3;

  @ApiPropertyOptional({ type: () => BackoffDto, description: 'How long to wait between attempts' })
  @IsOptional()
  @ValidateNested()
  @Type(() => BackoffDto)
  readonly backoff?: BackoffDto;

  @ApiPropertyOptional({
    description: 'Is told of the end of the task by a webhook; http or https, without user and password',
    format: 'uri',
    maxLength: LIMITS.webAddress,
    example: 'https://example.org/hooks/eval',
  })
  @IsOptional()
  @IsString()
  @MaxLength(LIMITS.webAddress)
  @IsWebAddress()
  readonly callback_url?: string;

  @ApiPropertyOptional({
    description:
      'Whose it is: a user, a team. Groups of a queue take turns within a priority, and may be limited each by itself',
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
    description: `What a worker must offer to get it, ${LIMITS.requires} labels at most; values must be equal`,
    example: { gpu: 'a100' },
  })
  @IsOptional()
  @OpaqueJson({ type: 'object', maxBytes: LIMITS.labelsBytes })
  readonly requires?: RawJson;

  @ApiPropertyOptional({ description: 'What it belongs to', pattern: BATCH_ID.source })
  @IsOptional()
  @IsString()
  @Matches(BATCH_ID)
  readonly batch_id?: string;
}
