import { Controller, Delete, Get, Post, Req, Res } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiExtraModels,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Roles } from '../auth/access.decorator.js';
import { hasRole, mayUseQueue, type Principal } from '../auth/principal.js';
import { cursorAt, numberOf } from '../http/cursor.js';
import { apiHeaders } from '../http/api-headers.js';
import { ApiProblems, WITH_BODY, WITH_KEY, WITH_QUERY } from '../http/api-problems.decorator.js';
import { JsonBody } from '../http/json-body.decorator.js';
import { nextLink } from '../http/next-link.js';
import { QueryParams } from '../http/query.decorator.js';
import { publicPath } from '../http/public-path.js';
import { sendJson } from '../http/raw-reply.js';
import { turns } from '../http/turns.js';
import { seesPayloads } from '../queue/queue-access.js';
import { Clock, type Instant } from '../task/clock.js';
import { ScheduleDto, ScheduleListQuery, SCHEDULE_ID, TaskTemplateDto } from './dto/schedule.dto.js';
import { SCHEDULE_LIST, SCHEDULE_PUT, SCHEDULE_REMOVED, SCHEDULE_SHOWN } from './dto/schedule.examples.js';
import { RemovedSchedule, ScheduleDetails, SchedulePage } from './dto/schedule.response.js';
import { ScheduleDesk } from './schedule-desk.js';
import { ScheduleId } from './schedule-id.decorator.js';
import { type KnownSchedule, ScheduleService } from './schedule.service.js';
import { scheduleText, scheduleTextWithoutQueries, scheduleView } from './schedule.view.js';

const ID = {
  name: 'schedule_id',
  description: 'The id of the schedule',
  schema: { type: 'string', pattern: SCHEDULE_ID.source },
  example: 'nightly',
};

@ApiTags('schedules')
@ApiExtraModels(TaskTemplateDto)
@Controller('schedules')
export class SchedulesController {
  constructor(
    private readonly schedules: ScheduleService,
    private readonly desk: ScheduleDesk,
    private readonly clock: Clock,
  ) {}

  @Post()
  @Roles('producer')
  @ApiOperation({
    operationId: 'putSchedule',
    summary: 'Create or replace a schedule',
    description:
      'Each due time enqueues one task, with any number of replicas. Its eval_id is the schedule_id, a colon and ' +
      'the due time, such as `nightly:2030-01-31T03:00:00Z`. Posting a schedule again replaces it.',
  })
  @ApiCreatedResponse({
    type: ScheduleDetails,
    description: 'The schedule was created',
    headers: apiHeaders('Location'),
    examples: SCHEDULE_PUT.created,
  })
  @ApiOkResponse({
    type: ScheduleDetails,
    description: 'The schedule was replaced',
    headers: apiHeaders('Location'),
    examples: SCHEDULE_PUT.changed,
  })
  @ApiProblems(...WITH_KEY, ...WITH_BODY, 'name_taken', 'store_unavailable')
  async put(
    @JsonBody(ScheduleDto, SCHEDULE_PUT.requests) dto: ScheduleDto,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const known = await this.desk.put(dto, principal);
    const text = scheduleText(known, this.clock.now().wall);
    const location = publicPath(response.req, `/schedules/${dto.schedule_id}`);
    sendJson(response, known.isNew ? 201 : 200, text, { Location: location });
  }

  @Get()
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({
    operationId: 'listSchedules',
    summary: 'List schedules, newest first',
    description: 'Lists schedules without their tasks. A key for some queues sees only their schedules.',
  })
  @ApiOkResponse({
    type: SchedulePage,
    description: 'A page of schedules',
    headers: apiHeaders('Link'),
    examples: SCHEDULE_LIST,
  })
  @ApiProblems(...WITH_KEY, ...WITH_QUERY, 'store_unavailable')
  async list(
    @QueryParams(ScheduleListQuery) { limit, cursor }: ScheduleListQuery,
    @CurrentPrincipal() principal: Principal,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { known, next } = await this.schedules.list(limit, {
      before: numberOf('schedules', cursor),
      isVisible: visibleTo(principal),
    });
    const now = this.clock.now().wall;
    const schedules = await turns.map(known, (each) => scheduleView(each, now));
    const nextCursor = next === undefined ? null : cursorAt('schedules', next);
    const text = JSON.stringify({ schedules, next_cursor: nextCursor });
    const headers = nextCursor === null ? undefined : { Link: nextLink(request, nextCursor) };
    sendJson(response, 200, text, headers);
  }

  @Get(':schedule_id')
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({ operationId: 'getSchedule', summary: 'Read a schedule' })
  @ApiParam(ID)
  @ApiOkResponse({ type: ScheduleDetails, description: 'The schedule', examples: SCHEDULE_SHOWN })
  @ApiProblems(...WITH_KEY, 'malformed_request', 'schedule_not_found', 'store_unavailable')
  async find(
    @ScheduleId() id: string,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const known = await this.schedules.find(id, visibleTo(principal));
    sendJson(response, 200, textFor(principal, known, this.clock.now().wall));
  }

  @Delete(':schedule_id')
  @Roles('producer')
  @ApiOperation({
    operationId: 'removeSchedule',
    summary: 'Delete a schedule',
    description: 'Its tasks stay. The change reaches other processes within a second.',
  })
  @ApiParam(ID)
  @ApiOkResponse({
    type: RemovedSchedule,
    description: 'The schedule is deleted',
    examples: SCHEDULE_REMOVED,
  })
  @ApiProblems(...WITH_KEY, 'malformed_request', 'schedule_not_found', 'store_unavailable')
  async remove(@ScheduleId() id: string, @CurrentPrincipal() principal: Principal): Promise<RemovedSchedule> {
    await this.schedules.remove(id, visibleTo(principal));
    return { schedule_id: id, status: 'deleted' };
  }
}

function visibleTo(principal: Principal): (queue: string) => boolean {
  return (queue) => mayUseQueue(principal, queue);
}

/**
 * The view of a schedule by role: producers see it as posted, workers without the query of a URL, viewers without the
 * task.
 */
function textFor(principal: Principal, known: KnownSchedule, now: Instant): string {
  if (hasRole(principal, ['producer'])) return scheduleText(known, now);
  if (seesPayloads(principal)) return scheduleTextWithoutQueries(known, now);
  return JSON.stringify(scheduleView(known, now));
}
