import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { TEXT_OR_NULL, TIME, TIME_OR_NULL } from '../../queue/dto/field.docs.js';
import { CATCH_UP, type CatchUp } from '../schedule.js';

/** Answers about schedules. They exist for the OpenAPI document; `schedule.view.ts` writes them. */

export class ListedSchedule {
  @ApiProperty({ description: 'The name of the schedule' })
  readonly schedule_id!: string;

  @ApiProperty({ description: 'When tasks are due' })
  readonly cron!: string;

  @ApiProperty({ description: 'The time zone of `cron`' })
  readonly timezone!: string;

  @ApiProperty({ enum: CATCH_UP, description: 'What becomes of due times at which no process was up' })
  readonly catch_up!: CatchUp;

  @ApiProperty({ description: 'Whether nothing is enqueued' })
  readonly paused!: boolean;

  @ApiProperty({ description: 'The queue of its tasks' })
  readonly queue!: string;

  @ApiProperty({ ...TIME, description: 'When it was made' })
  readonly created_at!: string;

  @ApiProperty({ ...TIME, description: 'When it was changed last' })
  readonly updated_at!: string;

  @ApiProperty({ ...TIME_OR_NULL, description: 'The latest due time for which a task was enqueued' })
  readonly last_due_at!: string | null;

  @ApiProperty({ ...TEXT_OR_NULL, description: 'The task of that time' })
  readonly last_eval_id!: string | null;

  @ApiProperty({
    type: [String],
    description: 'The next five due times; none while it is paused',
  })
  readonly next_due_at!: readonly string[];
}

export class ScheduleDetails extends ListedSchedule {
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'The task to enqueue, as it was sent; absent for viewers',
  })
  readonly task?: object;
}

export class SchedulePage {
  @ApiProperty({ type: [ListedSchedule], description: 'The newest first' })
  readonly schedules!: readonly ListedSchedule[];

  @ApiProperty({ ...TEXT_OR_NULL, description: 'Send it as `cursor` for the next page; null on the last' })
  readonly next_cursor!: string | null;
}

export class RemovedSchedule {
  @ApiProperty({ description: 'The name of the schedule' })
  readonly schedule_id!: string;

  @ApiProperty({ enum: ['deleted'], description: 'It is gone; tasks that it enqueued stay' })
  readonly status!: 'deleted';
}
