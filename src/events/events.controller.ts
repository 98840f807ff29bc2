import { Controller, Get, Headers, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentPrincipal, Roles } from '../auth/access.decorator.js';
import type { Principal } from '../auth/principal.js';
import { ApiProblems, WITH_KEY, WITH_QUERY } from '../http/api-problems.decorator.js';
import { NoHead } from '../http/no-head.decorator.js';
import { QueryParams } from '../http/query.decorator.js';
import { callerOf } from '../queue/http-caller.js';
import { visibleQueues } from '../queue/queue-access.js';
import { STREAM } from './dto/events.examples.js';
import { EventsQuery } from './dto/events.query.js';
import { EventReaders } from './event-readers.js';

/** The position for an id that the service never issued; the stream starts with a reset. */
const NO_EVENT = Infinity;

@ApiTags('events')
@Controller('events')
export class EventsController {
  constructor(private readonly readers: EventReaders) {}

  @Get()
  @NoHead()
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({
    operationId: 'streamEvents',
    summary: 'Stream the transitions of tasks',
    description:
      'Server-sent events, one per transition, without the payload. A client that reconnects with the last id it ' +
      'received misses nothing. If the service no longer has the events after that id, the first message is ' +
      '`reset`, and the stream continues from now. Lines that begin with a colon are keep-alives. A key for some ' +
      'queues receives only their events.',
  })
  @ApiHeader({
    name: 'Last-Event-ID',
    required: false,
    description: 'The last id that the client received; the stream starts after it',
    schema: { type: 'string', maxLength: 100 },
    example: '4711',
  })
  @ApiOkResponse({
    description: 'The stream; it ends when the client leaves or reads too slowly, or when the service stops',
    content: { 'text/event-stream': { schema: { type: 'string' }, example: STREAM } },
  })
  @ApiProblems(...WITH_KEY, ...WITH_QUERY, 'too_many_readers', 'store_unavailable', 'draining')
  async stream(
    @QueryParams(EventsQuery) query: EventsQuery,
    @CurrentPrincipal() principal: Principal,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() response: Response,
  ): Promise<void> {
    const queues = visibleQueues(principal, query.queue);
    const caller = callerOf(response);
    await this.readers.admit(response, {
      filter: { queues, types: query.type, evalIds: query.eval_id },
      lastEventId: idOf(lastEventId === '' ? undefined : lastEventId) ?? idOf(query.last_event_id),
      mayRead: () => !caller.isGone,
    });
  }
}

function idOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return /^\d{1,16}$/.test(text) ? Number(text) : NO_EVENT;
}
