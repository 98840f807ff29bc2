import { ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsOptional, IsString, Matches } from 'class-validator';
import { CommaList } from '../../http/comma-list.decorator.js';
import { COMMA_LIST } from '../../queue/dto/field-docs.js';
import { EVAL_ID } from '../../queue/dto/limits.js';
import { TRANSITION_TYPES, type TransitionType } from '../../task/task.js';
import { IsListOf, IsQueueList } from '../../queue/dto/shared-fields.js';

/** The maximum number of task ids in a filter. */
const MAX_EVAL_IDS = 100;

/** `GET /events`. */
export class EventsQuery {
  @IsQueueList('Only events of these queues, separated by commas')
  readonly queue?: string[];

  @IsListOf(TRANSITION_TYPES, 'Only events of these types, separated by commas')
  readonly type?: TransitionType[];

  @ApiPropertyOptional({
    ...COMMA_LIST,
    description: 'Only events of these tasks, separated by commas',
  })
  @IsOptional()
  @CommaList()
  @IsArray()
  @ArrayMaxSize(MAX_EVAL_IDS)
  @Matches(EVAL_ID, { each: true })
  readonly eval_id?: string[];

  @ApiPropertyOptional({
    description:
      'Like the header `Last-Event-ID`, for clients that cannot set it. If both are present, the header wins',
  })
  @IsOptional()
  @IsString()
  @Matches(/^[0-9]{1,16}$/, { message: 'last_event_id must be the id of an event' })
  readonly last_event_id?: string;
}
