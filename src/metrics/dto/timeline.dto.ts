import { ApiExtraModels, ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsInt, IsOptional } from 'class-validator';

export const STEPS = [10, 30, 60, 300] as const;

/** `GET /timeline`. */
export class TimelineQuery {
  @ApiPropertyOptional({ type: 'integer', description: 'Seconds per step', default: 60, enum: STEPS })
  @IsOptional()
  @IsInt()
  @IsIn(STEPS)
  readonly step: number = 60;
}

const COUNT = { type: 'integer', minimum: 0 } as const;
const SPREAD = { nullable: true, type: () => Percentiles } as const;

/** The 50th, 95th and 99th percentiles of the durations in seconds, within 10 %. */
export class Percentiles {
  @ApiProperty({ description: 'The median in seconds', minimum: 0 })
  readonly p50!: number;

  @ApiProperty({ description: 'The 95th percentile in seconds', minimum: 0 })
  readonly p95!: number;

  @ApiProperty({ description: 'The 99th percentile in seconds', minimum: 0 })
  readonly p99!: number;
}

/** The counts of one step. */
export class TimelineStep {
  @ApiProperty({ type: 'string', format: 'date-time', description: 'The start of the step' })
  readonly at!: string;

  @ApiProperty({ ...COUNT, description: 'Enqueued tasks' })
  readonly enqueued!: number;

  @ApiProperty({ ...COUNT, description: 'Claimed tasks' })
  readonly started!: number;

  @ApiProperty({ ...COUNT, description: 'Completed tasks' })
  readonly completed!: number;

  @ApiProperty({ ...COUNT, description: 'New dead letters' })
  readonly failed!: number;

  @ApiProperty({ ...COUNT, description: 'Cancelled tasks' })
  readonly cancelled!: number;

  @ApiProperty({ ...COUNT, description: 'Expired tasks' })
  readonly expired!: number;

  @ApiProperty({ ...COUNT, description: 'Failed attempts with a retry' })
  readonly retried!: number;

  @ApiProperty({ ...COUNT, description: 'Lost attempts' })
  readonly lost!: number;

  @ApiProperty({ ...SPREAD, description: 'Seconds from ready to claimed; null without claims' })
  readonly wait!: Percentiles | null;

  @ApiProperty({
    ...SPREAD,
    description: 'Seconds from claimed to the end of the attempt; null without ended attempts',
  })
  readonly run!: Percentiles | null;
}

@ApiExtraModels(Percentiles, TimelineStep)
export class TimelineAnswer {
  @ApiProperty({ type: 'integer', description: 'Seconds per step' })
  readonly step!: number;

  @ApiProperty({ type: [TimelineStep], description: 'Oldest first; the last step is incomplete' })
  readonly points!: readonly TimelineStep[];
}
