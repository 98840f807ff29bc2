import { Controller, Get, Param, type PipeTransform, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentPrincipal, Roles } from '../auth/access.decorators.js';
import { mayUseQueue, type Principal } from '../auth/principal.js';
import { ApiProblems, WITH_KEY } from '../http/api-problems.decorator.js';
import { ProblemError } from '../http/problem.error.js';
import { sendJson } from '../http/raw-reply.js';
import { QUEUE_NAME } from '../queue/dto/limits.js';
import { requireQueue } from '../queue/queue-access.js';
import * as examples from './dto/queue.examples.js';
import { QueueDetails, QueueList, QueueStatistics } from './dto/queue.response.js';
import { QueueStatsService } from './queue-stats.service.js';

const NAME = {
  name: 'queue',
  description: 'The name of the queue',
  schema: { type: 'string', pattern: QUEUE_NAME.source },
  example: 'gpu',
};

/** What no queue can be called is not looked up, and not repeated in an answer. */
class QueueNamePipe implements PipeTransform<string, string> {
  transform(name: string): string {
    if (!QUEUE_NAME.test(name)) throw new ProblemError('not_found', 'No queue can have this name');
    return name;
  }
}

function QueueName(): ParameterDecorator {
  return Param('queue', new QueueNamePipe());
}

/** How queues fare. */
@ApiTags('queues')
@Controller('queues')
export class QueuesController {
  constructor(private readonly queues: QueueStatsService) {}

  @Get()
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({
    operationId: 'listQueues',
    summary: 'List the queues that have tasks',
    description: 'A key that is for some queues only sees those.',
  })
  @ApiOkResponse({ type: QueueList, description: 'All of them', examples: examples.QUEUE_LIST })
  @ApiProblems(...WITH_KEY, 'store_unavailable')
  async list(@CurrentPrincipal() principal: Principal, @Res() response: Response): Promise<void> {
    const queues = (await this.queues.list()).filter(({ queue }) => mayUseQueue(principal, queue));
    sendJson(response, 200, JSON.stringify({ queues }));
  }

  @Get(':queue')
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({
    operationId: 'getQueue',
    summary: 'Look at a queue',
    description: 'A queue is created by use, so every name that a queue may have is there.',
  })
  @ApiParam(NAME)
  @ApiOkResponse({ type: QueueDetails, description: 'The queue', examples: examples.QUEUE_SHOWN })
  @ApiProblems(...WITH_KEY, 'malformed_request', 'not_found', 'store_unavailable')
  async find(
    @QueueName() queue: string,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    requireQueue(principal, queue);
    const stats = await this.queues.stats(queue);
    sendJson(response, 200, JSON.stringify({ queue, stats }));
  }

  @Get(':queue/stats')
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({
    operationId: 'getQueueStats',
    summary: 'Count what waits in a queue and what is being worked on',
    description: 'For an autoscaler: `backlog` can be read while no worker runs.',
  })
  @ApiParam(NAME)
  @ApiOkResponse({
    type: QueueStatistics,
    description: 'The numbers of this moment',
    examples: examples.QUEUE_STATS,
  })
  @ApiProblems(...WITH_KEY, 'malformed_request', 'not_found', 'store_unavailable')
  async stats(
    @QueueName() queue: string,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    requireQueue(principal, queue);
    sendJson(response, 200, JSON.stringify(await this.queues.stats(queue)));
  }
}
