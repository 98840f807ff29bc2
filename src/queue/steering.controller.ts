import { Controller, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentPrincipal, Roles } from '../auth/access.decorators.js';
import type { Principal } from '../auth/principal.js';
import { ApiProblems } from '../http/api-problems.decorator.js';
import { JsonBody } from '../http/json-body.decorator.js';
import { sendJson } from '../http/raw-reply.js';
import { CancelDto, RedriveDto } from './dto/steering.dto.js';
import { guardFor, visibleQueues } from './queue-access.js';
import { QueueService } from './queue.service.js';
import { SteeringService } from './steering.service.js';
import { enqueuedView } from './task.view.js';

/** For producers and operators: stop tasks, and start them again. */
@ApiTags('steering')
@Controller('tasks')
export class SteeringController {
  constructor(
    private readonly steering: SteeringService,
    private readonly queue: QueueService,
  ) {}

  @Post('redrive')
  @HttpCode(200)
  @Roles('producer')
  @ApiOperation({ summary: 'Give dead letters back to their queues' })
  @ApiProblems('malformed_request', 'unauthorized', 'forbidden', 'invalid_request', 'store_unavailable')
  async redriveAll(
    @JsonBody(RedriveDto) dto: RedriveDto,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const asked = dto.queue === undefined ? undefined : [dto.queue];
    const queues = visibleQueues(principal, asked);
    const count = await this.steering.redriveAll({ states: [dto.status], queues, limit: dto.limit });
    sendJson(response, 200, JSON.stringify({ status: 'redriven', tasks_redriven: count }));
  }

  @Post(':eval_id/cancel')
  @HttpCode(200)
  @Roles('producer')
  @ApiOperation({ summary: 'Stop a task, whoever holds it' })
  @ApiProblems(
    'malformed_request',
    'unauthorized',
    'forbidden',
    'task_not_found',
    'task_ended',
    'invalid_request',
  )
  @ApiProblems('store_unavailable')
  async cancel(
    @Param('eval_id') id: string,
    @JsonBody(CancelDto) dto: CancelDto,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const task = await this.steering.cancel(id, dto.reason, guardFor(principal));
    sendJson(response, 200, JSON.stringify({ eval_id: task.spec.id, status: task.state }));
  }

  @Post(':eval_id/redrive')
  @HttpCode(200)
  @Roles('producer')
  @ApiOperation({ summary: 'Give one dead letter back to its queue, with fresh budgets' })
  @ApiProblems('unauthorized', 'forbidden', 'task_not_found', 'not_redrivable', 'store_unavailable')
  async redrive(
    @Param('eval_id') id: string,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const task = await this.steering.redrive(id, guardFor(principal));
    sendJson(response, 200, JSON.stringify(enqueuedView(await this.queue.place(task))));
  }
}
