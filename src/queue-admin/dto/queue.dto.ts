import { ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsBoolean, IsInt, IsNumber, IsOptional, Max, Min, ValidateNested } from 'class-validator';
import { OpaqueJson, type RawJson } from '../../http/raw-json.js';
import { DEFAULT_OUTAGE_GUARD } from '../../task/outage-guard.js';

const MAX_COUNT = 1_000_000_000;
const MAX_SECONDS = 86_400;

/** `null` removes the setting. */
const SETTING = { type: 'any', maxBytes: 200, isNullValue: true } as const;

@ApiSchema({ name: 'RateLimit' })
export class RateLimitDto {
  @ApiPropertyOptional({
    description: 'Tasks per period, and the largest burst',
  })
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  readonly tasks!: number;

  @ApiPropertyOptional({
    description: 'Length of the period in seconds',
  })
  @IsNumber()
  @Min(0.001)
  @Max(MAX_SECONDS)
  readonly per!: number;
}

@ApiSchema({ name: 'OutageGuard' })
export class OutageGuardDto {
  @ApiPropertyOptional({
    description: 'Seconds; the guard judges the attempts that ended within them',
    default: 60,
  })
  @IsOptional()
  @IsNumber()
  @Min(10)
  @Max(600)
  readonly window: number = DEFAULT_OUTAGE_GUARD.window;

  @ApiPropertyOptional({ description: 'With fewer ended attempts there is no outage', default: 10 })
  @IsOptional()
  @IsInt()
  @Min(2)
  @Max(1_000)
  readonly min_attempts: number = DEFAULT_OUTAGE_GUARD.minAttempts;

  @ApiPropertyOptional({ description: 'Share of interruptions that makes an outage', default: 0.8 })
  @IsOptional()
  @IsNumber()
  @Min(0.01)
  @Max(1)
  readonly share: number = DEFAULT_OUTAGE_GUARD.share;
}

/** The valid values of each setting. */
export class QueueSettingsDto {
  @IsOptional()
  @IsBoolean()
  readonly paused?: boolean;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MAX_COUNT)
  readonly max_depth?: number;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MAX_COUNT)
  readonly max_concurrency?: number;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MAX_COUNT)
  readonly max_concurrency_per_group?: number;

  @IsOptional()
  @ValidateNested()
  @Type(() => RateLimitDto)
  readonly rate_limit?: RateLimitDto;

  @IsOptional()
  @IsNumber()
  @Min(0.001)
  @Max(MAX_SECONDS * 366)
  readonly priority_ageing?: number;

  @IsOptional()
  @ValidateNested()
  @Type(() => OutageGuardDto)
  readonly outage_guard?: OutageGuardDto;
}

/** `PATCH /queues/{queue}`. */
@ApiSchema({ name: 'QueueChange' })
export class QueueChangeDto {
  @ApiPropertyOptional({
    type: Boolean,
    nullable: true,
    description: 'true pauses claims; the queue still accepts tasks',
  })
  @IsOptional()
  @OpaqueJson(SETTING)
  readonly paused?: RawJson;

  @ApiPropertyOptional({
    type: 'integer',
    nullable: true,
    minimum: 0,
    maximum: MAX_COUNT,
    description: 'Most waiting tasks; one more gets 429',
  })
  @IsOptional()
  @OpaqueJson(SETTING)
  readonly max_depth?: RawJson;

  @ApiPropertyOptional({
    type: 'integer',
    nullable: true,
    minimum: 0,
    maximum: MAX_COUNT,
    description: 'Most tasks held at the same time',
  })
  @IsOptional()
  @OpaqueJson(SETTING)
  readonly max_concurrency?: RawJson;

  @ApiPropertyOptional({
    type: 'integer',
    nullable: true,
    minimum: 0,
    maximum: MAX_COUNT,
    description: 'The same for each group',
  })
  @IsOptional()
  @OpaqueJson(SETTING)
  readonly max_concurrency_per_group?: RawJson;

  @ApiPropertyOptional({
    type: () => RateLimitDto,
    nullable: true,
    description: 'The rate limit of claims',
  })
  @IsOptional()
  @OpaqueJson(SETTING)
  readonly rate_limit?: RawJson;

  @ApiPropertyOptional({
    type: Number,
    nullable: true,
    minimum: 0.001,
    maximum: MAX_SECONDS * 366,
    description: 'Seconds of waiting that add one point of priority',
  })
  @IsOptional()
  @OpaqueJson(SETTING)
  readonly priority_ageing?: RawJson;

  @ApiPropertyOptional({
    type: () => OutageGuardDto,
    nullable: true,
    description: 'When interruptions count as an outage; `{}` restores the default, null turns the guard off',
  })
  @IsOptional()
  @OpaqueJson(SETTING)
  readonly outage_guard?: RawJson;
}
