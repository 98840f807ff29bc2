import { Controller, Get, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Public } from '../auth/access.decorator.js';
import { apiHeaders } from '../http/api-headers.js';
import { ApiProblems } from '../http/api-problems.decorator.js';
import { sendJson } from '../http/raw-reply.js';
import { VERSION } from '../version.js';
import { HealthAnswer, LiveAnswer, ReadyAnswer } from './dto/health.response.js';
import { HealthService } from './health.service.js';

@ApiTags('health')
@Controller()
@Public()
export class HealthController {
  constructor(private readonly health: HealthService) {}

  @Get('health')
  @ApiOperation({
    operationId: 'getHealth',
    summary: 'Check health and count tasks',
    description:
      'Also shows the state of a Redis that only carries events. An outage of that Redis does not change the status.',
  })
  @ApiOkResponse({
    type: HealthAnswer,
    description: 'The service is healthy',
    example: {
      status: 'healthy',
      service: 'queue',
      queue_size: 1,
      total_tasks: 3,
      redis: 'connected',
      version: VERSION,
      uptime: 3.5,
    },
  })
  @ApiServiceUnavailableResponse({
    type: HealthAnswer,
    description: 'The store cannot accept writes',
    example: {
      status: 'unhealthy',
      service: 'queue',
      queue_size: null,
      total_tasks: null,
      redis: 'connected',
      version: VERSION,
      uptime: 86_400.25,
    },
  })
  @ApiProblems()
  async read(@Res() response: Response): Promise<void> {
    const view = await this.health.read();
    sendJson(response, view.status === 'healthy' ? 200 : 503, JSON.stringify(view));
  }

  @Get('livez')
  @ApiOperation({
    operationId: 'getLiveness',
    summary: 'Check liveness',
    description: 'For a supervisor that restarts a hung process.',
  })
  @ApiOkResponse({ type: LiveAnswer, description: 'The process answers', example: { status: 'alive' } })
  @ApiProblems()
  live(@Res() response: Response): void {
    sendJson(response, 200, '{"status":"alive"}');
  }

  @Get('readyz')
  @ApiOperation({
    operationId: 'getReadiness',
    summary: 'Check readiness',
    description: 'For a load balancer.',
  })
  @ApiOkResponse({ type: ReadyAnswer, description: 'The service accepts work', example: { status: 'ready' } })
  @ApiServiceUnavailableResponse({
    type: ReadyAnswer,
    description: 'The service is stopping, or its store is unavailable or has failed',
    headers: apiHeaders('Retry-After'),
    example: { status: 'not ready' },
  })
  @ApiProblems()
  ready(@Res() response: Response): void {
    if (this.health.isReady) sendJson(response, 200, '{"status":"ready"}');
    else sendJson(response, 503, '{"status":"not ready"}', { 'Retry-After': 1 });
  }
}
