import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentPrincipal, Roles } from '../auth/access.decorator.js';
import type { Principal } from '../auth/principal.js';
import { ApiProblems, WITH_KEY, WITH_QUERY } from '../http/api-problems.decorator.js';
import { QueryParams } from '../http/query.decorator.js';
import { TimelineAnswer, TimelineQuery } from './dto/timeline.dto.js';
import { requireEveryQueue } from './every-queue.js';
import { Timeline } from './timeline.js';

const EXAMPLE = {
  step: 60,
  points: [
    {
      at: '2026-01-01T00:00:00.000Z',
      enqueued: 120,
      started: 118,
      completed: 115,
      failed: 1,
      cancelled: 0,
      expired: 0,
      retried: 2,
      lost: 0,
      wait: { p50: 0.012, p95: 0.26, p99: 0.9 },
      run: { p50: 1.5, p95: 6.2, p99: 11.1 },
    },
  ],
};

@ApiTags('monitoring')
@Controller('timeline')
export class TimelineController {
  constructor(private readonly timeline: Timeline) {}

  @Get()
  @Roles('viewer')
  @ApiOperation({
    operationId: 'getTimeline',
    summary: 'Read the last hour',
    description: 'The last hour of this process. Prometheus keeps more, for all replicas.',
  })
  @ApiOkResponse({ type: TimelineAnswer, description: 'The steps of the last hour', example: EXAMPLE })
  @ApiProblems(...WITH_KEY, ...WITH_QUERY)
  read(
    @QueryParams(TimelineQuery) { step }: TimelineQuery,
    @CurrentPrincipal() principal: Principal,
  ): TimelineAnswer {
    requireEveryQueue(principal);
    const points = this.timeline
      .read(step)
      .map((point) => ({ ...point, at: new Date(point.at).toISOString() }));
    return { step, points };
  }
}
