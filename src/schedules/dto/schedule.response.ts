import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { TEXT_OR_NULL, TIME, TIME_OR_NULL } from '../../queue/dto/field-docs.js';
import { CATCH_UP, type CatchUp } from '../schedule.js';

/** Responses about schedules, for the OpenAPI document; `schedule.view.ts` writes them. */

export class ListedSchedule {
  @ApiProperty({ description: 'The id of the schedule' })
  readonly schedule_id!: string;

  @ApiProperty({ description: 'The cron expression' })
  readonly cron!: string;

  @ApiProperty({ description: 'The time zone of `cron`' })
  readonly timezone!: string;

  @ApiProperty({ enum: CATCH_UP, description: 'What to enqueue for missed due times' })
  readonly catch_up!: CatchUp;

  @ApiProperty({ description: 'Whether the schedule is paused' })
  readonly paused!: boolean;

  @ApiProperty({ description: 'The queue of its tasks' })
  readonly queue!: string;

  @ApiProperty({ ...TIME, description: 'When it was created' })
  readonly created_at!: string;

  @ApiProperty({ ...TIME, description: 'When it was last changed' })
  readonly updated_at!: string;

  @ApiProperty({ ...TIME_OR_NULL, description: 'The latest due time with an enqueued task' })
  readonly last_due_at!: string | null;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The id of that task' })
  readonly last_eval_id!: string | null;

  @ApiProperty({
    type: [String],
    description: 'The next five due times; empty while paused',
  })
  readonly next_due_at!: readonly string[];
}

export class ScheduleDetails extends ListedSchedule {
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'The task to enqueue; absent for viewers',
  })
  readonly task?: object;
}

export class SchedulePage {
  @ApiProperty({ type: [ListedSchedule], description: 'The newest first' })
  readonly schedules!: readonly ListedSchedule[];

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The `cursor` of the next page; null on the last' })
  readonly next_cursor!: string | null;
}

export class RemovedSchedule {
  @ApiProperty({ description: 'The id of the schedule' })
  readonly schedule_id!: string;

  @ApiProperty({ enum: ['deleted'], description: 'The schedule is deleted; its tasks stay' })
  readonly status!: 'deleted';
}
