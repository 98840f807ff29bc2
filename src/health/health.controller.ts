import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Public } from '../auth/access.decorators.js';
import { sendJson } from '../http/raw-reply.js';
import { HealthService } from './health.service.js';

@ApiTags('health')
@Controller()
@Public()
export class HealthController {
  constructor(private readonly health: HealthService) {}

  @Get('health')
  @ApiOperation({ summary: 'Whether the service works, and how much it has to do' })
  async read(@Res() response: Response): Promise<void> {
    const view = await this.health.read();
    sendJson(response, view.status === 'healthy' ? 200 : 503, JSON.stringify(view));
  }

  @Get('livez')
  @ApiOperation({ summary: 'Whether the process answers' })
  live(@Res() response: Response): void {
    sendJson(response, 200, '{"status":"alive"}');
  }

  @Get('readyz')
  @ApiOperation({ summary: 'Whether new work should be sent here' })
  ready(@Res() response: Response): void {
    if (this.health.isReady) sendJson(response, 200, '{"status":"ready"}');
    else sendJson(response, 503, '{"status":"not ready"}', { 'Retry-After': 1 });
  }
}
