import { Controller, Get, HttpCode, Param, Patch, Post, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentPrincipal, Roles } from '../auth/access.decorator.js';
import { mayUseQueue, type Principal } from '../auth/principal.js';
import { ApiProblems, WITH_BODY, WITH_KEY, WITH_QUERY } from '../http/api-problems.decorator.js';
import { HttpLimits } from '../http/http-limits.js';
import { JsonBody } from '../http/json-body.decorator.js';
import { sendJsonParts } from '../http/raw-reply.js';
import { TakesNoBody, TakesNoQuery } from '../http/takes-nothing.decorator.js';
import { turns } from '../http/turns.js';
import { QUEUE_NAME } from '../queue/dto/limits.js';
import { requireQueue } from '../queue/queue-access.js';
import { QueueNamePipe } from '../queue/queue-name.pipe.js';
import { QueueChangeDto } from './dto/queue.dto.js';
import * as examples from './dto/queue.examples.js';
import { QueueDetails, QueueList, QueueStatistics } from './dto/queue.response.js';
import { type KnownQueue, QueueAdminService } from './queue-admin.service.js';
import { changeOf, settingsView } from './settings-change.js';

const NAME = {
  name: 'queue',
  description: 'The name of the queue',
  schema: { type: 'string', pattern: QUEUE_NAME.source },
  example: 'gpu',
};

function QueueName(): ParameterDecorator {
  return Param('queue', new QueueNamePipe());
}

@ApiTags('queues')
@Controller('queues')
export class QueuesController {
  constructor(
    private readonly queues: QueueAdminService,
    private readonly limits: HttpLimits,
  ) {}

  @Get()
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({
    operationId: 'listQueues',
    summary: 'List the queues that have tasks or settings',
    description: 'A key for some queues sees only those queues.',
  })
  @ApiOkResponse({ type: QueueList, description: 'The queues', examples: examples.QUEUE_LIST })
  @ApiProblems(...WITH_KEY, 'store_unavailable')
  async list(@CurrentPrincipal() principal: Principal, @Res() response: Response): Promise<void> {
    const queues = await this.queues.list((queue) => mayUseQueue(principal, queue));
    const parts = await turns.listed(queues, (each) => JSON.stringify(viewOf(each)));
    sendJsonParts(response, [Buffer.from('{"queues":['), ...parts, Buffer.from(']}')]);
  }

  @Get(':queue')
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({
    operationId: 'getQueue',
    summary: 'Read the settings and statistics of a queue',
    description: 'A queue is created on first use, so every valid name exists.',
  })
  @ApiParam(NAME)
  @ApiOkResponse({ type: QueueDetails, description: 'The queue', examples: examples.QUEUE_SHOWN })
  @ApiProblems(...WITH_KEY, 'malformed_request', 'not_found', 'store_unavailable')
  async find(@QueueName() queue: string, @CurrentPrincipal() principal: Principal): Promise<QueueDetails> {
    requireQueue(principal, queue);
    return viewOf(await this.queues.find(queue));
  }

  @Get(':queue/stats')
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({
    operationId: 'getQueueStats',
    summary: 'Read the statistics of a queue',
    description: 'For an autoscaler: `backlog` is available without any worker.',
  })
  @ApiParam(NAME)
  @ApiOkResponse({
    type: QueueStatistics,
    description: 'The current numbers',
    examples: examples.QUEUE_STATS,
  })
  @ApiProblems(...WITH_KEY, 'malformed_request', 'not_found', 'store_unavailable')
  async stats(
    @QueueName() queue: string,
    @CurrentPrincipal() principal: Principal,
  ): Promise<QueueStatistics> {
    requireQueue(principal, queue);
    return await this.queues.stats(queue);
  }

  @Patch(':queue')
  @Roles('admin')
  @ApiOperation({
    operationId: 'changeQueue',
    summary: 'Change queue settings',
    description:
      'Changes only the members that you send; null removes a setting. It applies to all processes and survives restarts.',
  })
  @ApiParam(NAME)
  @ApiOkResponse({
    type: QueueDetails,
    description: 'The settings are changed',
    examples: examples.QUEUE_CHANGE.answered,
  })
  @ApiProblems(...WITH_KEY, ...WITH_BODY, 'not_found', 'store_unavailable')
  async change(
    @QueueName() queue: string,
    @JsonBody(QueueChangeDto, examples.QUEUE_CHANGE.requests) dto: QueueChangeDto,
    @CurrentPrincipal() principal: Principal,
  ): Promise<QueueDetails> {
    requireQueue(principal, queue);
    return viewOf(await this.queues.change(queue, changeOf(dto, this.limits)));
  }

  @Post(':queue/pause')
  @HttpCode(200)
  @TakesNoQuery()
  @TakesNoBody()
  @Roles('admin')
  @ApiOperation({
    operationId: 'pauseQueue',
    summary: 'Pause a queue',
    description: 'The queue still accepts tasks, and workers keep the tasks they hold.',
  })
  @ApiParam(NAME)
  @ApiOkResponse({ type: QueueDetails, description: 'The queue is paused', examples: examples.QUEUE_PAUSED })
  @ApiProblems(...WITH_KEY, ...WITH_QUERY, 'request_timeout', 'too_large', 'not_found', 'store_unavailable')
  async pause(@QueueName() queue: string, @CurrentPrincipal() principal: Principal): Promise<QueueDetails> {
    requireQueue(principal, queue);
    return viewOf(await this.queues.change(queue, { paused: true }));
  }

  @Post(':queue/resume')
  @HttpCode(200)
  @TakesNoQuery()
  @TakesNoBody()
  @Roles('admin')
  @ApiOperation({ operationId: 'resumeQueue', summary: 'Resume a queue' })
  @ApiParam(NAME)
  @ApiOkResponse({
    type: QueueDetails,
    description: 'The queue is resumed',
    examples: examples.QUEUE_RESUMED,
  })
  @ApiProblems(...WITH_KEY, ...WITH_QUERY, 'request_timeout', 'too_large', 'not_found', 'store_unavailable')
  async resume(@QueueName() queue: string, @CurrentPrincipal() principal: Principal): Promise<QueueDetails> {
    requireQueue(principal, queue);
    return viewOf(await this.queues.change(queue, { paused: null }));
  }
}

function viewOf({ queue, settings, stats }: KnownQueue): QueueDetails {
  return { queue, ...settingsView(settings), stats };
}
