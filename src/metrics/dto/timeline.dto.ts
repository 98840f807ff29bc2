import { ApiExtraModels, ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsInt, IsOptional } from 'class-validator';

export const STEPS = [10, 30, 60, 300] as const;

/** `GET /timeline`. */
export class TimelineQuery {
  @ApiPropertyOptional({ type: 'integer', description: 'Seconds in one step', default: 60, enum: STEPS })
  @IsOptional()
  @IsInt()
  @IsIn(STEPS)
  readonly step: number = 60;
}

const COUNT = { type: 'integer', minimum: 0 } as const;
const SPREAD = { nullable: true, type: () => Percentiles } as const;

/** Seconds that half, 95 % and 99 % of the durations did not exceed, within 10 %. */
export class Percentiles {
  @ApiProperty({ description: 'Half took no longer', minimum: 0 })
  readonly p50!: number;

  @ApiProperty({ description: '95 % took no longer', minimum: 0 })
  readonly p95!: number;

  @ApiProperty({ description: '99 % took no longer', minimum: 0 })
  readonly p99!: number;
}

/** What happened in one step of time. */
export class TimelineStep {
  @ApiProperty({ type: 'string', format: 'date-time', description: 'When the step began' })
  readonly at!: string;

  @ApiProperty({ ...COUNT, description: 'Tasks taken in' })
  readonly enqueued!: number;

  @ApiProperty({ ...COUNT, description: 'Tasks claimed' })
  readonly started!: number;

  @ApiProperty({ ...COUNT, description: 'Tasks that succeeded' })
  readonly completed!: number;

  @ApiProperty({ ...COUNT, description: 'Tasks that became dead letters' })
  readonly failed!: number;

  @ApiProperty({ ...COUNT, description: 'Tasks that were cancelled' })
  readonly cancelled!: number;

  @ApiProperty({ ...COUNT, description: 'Tasks that did not start in time' })
  readonly expired!: number;

  @ApiProperty({ ...COUNT, description: 'Failed attempts that will be made again' })
  readonly retried!: number;

  @ApiProperty({ ...COUNT, description: 'Attempts whose worker was lost' })
  readonly lost!: number;

  @ApiProperty({ ...SPREAD, description: 'Seconds from ready to claimed; null when nothing was claimed' })
  readonly wait!: Percentiles | null;

  @ApiProperty({ ...SPREAD, description: 'Seconds from claimed to the end; null when no attempt ended' })
  readonly run!: Percentiles | null;
}

@ApiExtraModels(Percentiles, TimelineStep)
export class TimelineAnswer {
  @ApiProperty({ type: 'integer', description: 'Seconds in one step' })
  readonly step!: number;

  @ApiProperty({ type: [TimelineStep], description: 'Oldest first; the last one is under way' })
  readonly points!: readonly TimelineStep[];
}
