import { applyDecorators, Controller, Get, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentPrincipal, Public, Roles } from '../auth/access.decorator.js';
import type { Principal } from '../auth/principal.js';
import { ApiProblems, WITH_KEY } from '../http/api-problems.decorator.js';
import { finishReply } from '../http/raw-reply.js';
import { requireEveryQueue } from './every-queue.js';
import { MetricsRegistry } from './metrics-registry.js';

function ApiMetrics(): MethodDecorator {
  return applyDecorators(
    ApiOperation({
      operationId: 'getMetrics',
      summary: 'Read metrics for Prometheus',
      description: 'docs/metrics.md lists the metrics. With METRICS_PUBLIC no key is needed.',
    }),
    ApiOkResponse({
      description: 'The text format of Prometheus',
      content: { 'text/plain': { schema: { type: 'string' }, example: 'crucible_parked_polls 12\n' } },
    }),
  );
}

/** The metrics for callers with access to all queues. */
@ApiTags('monitoring')
@Controller('metrics')
export class MetricsController {
  constructor(private readonly registry: MetricsRegistry) {}

  @Get()
  @Roles('viewer')
  @ApiMetrics()
  @ApiProblems(...WITH_KEY)
  async read(@CurrentPrincipal() principal: Principal, @Res() response: Response): Promise<void> {
    requireEveryQueue(principal);
    await sendMetrics(this.registry, response);
  }
}

/** Replaces the controller above when `METRICS_PUBLIC` is set. */
@ApiTags('monitoring')
@Controller('metrics')
@Public()
export class PublicMetricsController {
  constructor(private readonly registry: MetricsRegistry) {}

  @Get()
  @ApiMetrics()
  @ApiProblems()
  async read(@Res() response: Response): Promise<void> {
    await sendMetrics(this.registry, response);
  }
}

async function sendMetrics(registry: MetricsRegistry, response: Response): Promise<void> {
  const text = await registry.metrics();
  if (response.headersSent || response.destroyed) return;
  response.setHeader('Content-Type', registry.contentType);
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.end(text);
  finishReply(response);
}
