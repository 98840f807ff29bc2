import { ApiProperty, ApiPropertyOptional, ApiSchema, getSchemaPath, OmitType } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsOptional, IsString, Matches } from 'class-validator';
import { declareDto } from '../../http/declared-dtos.js';
import { OpaqueJson, type RawJson } from '../../http/raw-json.js';
import { CreateTaskDto } from '../../queue/dto/create-task.dto.js';
import { CRON, TIME_ZONE } from '../cron-times.js';
import { CATCH_UP, type CatchUp } from '../schedule.js';
import { IsCursor, IsPageSize } from '../../queue/dto/shared-fields.js';

/** Short enough that task names can append the due time. */
export const SCHEDULE_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/;

/** The task template of a schedule, for the OpenAPI document. */
@ApiSchema({ name: 'TaskTemplate' })
export class TaskTemplateDto extends OmitType(CreateTaskDto, ['eval_id', 'run_at', 'expires_at'] as const) {}
declareDto(TaskTemplateDto);

/** `POST /schedules`. */
@ApiSchema({ name: 'NewSchedule' })
export class ScheduleDto {
  @ApiProperty({
    description: 'The id of the schedule, and the beginning of its tasks’ ids',
    example: 'nightly',
  })
  @IsString()
  @Matches(SCHEDULE_ID)
  readonly schedule_id!: string;

  @ApiProperty({
    description:
      'Cron expression: minute, hour, day of the month, month, day of the week; six fields begin with the ' +
      'seconds; or @hourly, @daily, @weekly, @monthly, @yearly',
    example: '0 3 * * *',
  })
  @IsString()
  @Matches(CRON, {
    message: 'cron must have five fields, or six with seconds first, or be a name such as @daily',
  })
  readonly cron!: string;

  @ApiPropertyOptional({
    description: 'The name of the time zone of `cron`',
    default: 'UTC',
    example: 'Europe/Berlin',
  })
  @IsOptional()
  @IsString()
  @Matches(TIME_ZONE, { message: 'timezone must be the name of a time zone, such as Europe/Berlin' })
  readonly timezone: string = 'UTC';

  @ApiPropertyOptional({
    default: 'skip',
    description:
      'What to enqueue for missed due times: skip: nothing; one: a task for the latest; all: a task for each of ' +
      'the latest 1000',
  })
  @IsOptional()
  @IsIn(CATCH_UP)
  readonly catch_up: CatchUp = 'skip';

  @ApiPropertyOptional({
    description: 'true enqueues nothing. The service skips due times during a pause',
    default: false,
  })
  @IsOptional()
  @IsBoolean()
  readonly paused: boolean = false;

  @ApiProperty({
    type: 'object',
    allOf: [{ $ref: getSchemaPath(TaskTemplateDto) }],
    description: 'The task to enqueue, without eval_id, run_at and expires_at',
    additionalProperties: true,
  })
  @OpaqueJson({ type: 'object', maxBytes: 'maxBodyBytes' })
  readonly task!: RawJson;
}

/** `GET /schedules`. */
export class ScheduleListQuery {
  @IsPageSize('Schedules per page', 1000)
  readonly limit: number = 100;

  @IsCursor('cursor must be the next_cursor of a page')
  readonly cursor?: string;
}
