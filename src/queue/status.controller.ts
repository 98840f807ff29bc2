import { Controller, Get, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentPrincipal, Roles } from '../auth/access.decorator.js';
import { mayUseQueue, type Principal } from '../auth/principal.js';
import { ApiProblems, WITH_KEY } from '../http/api-problems.decorator.js';
import { sendJsonParts } from '../http/raw-reply.js';
import { STATUS } from './dto/bulk.examples.js';
import { StatusAnswer } from './dto/status.response.js';
import { StatusService } from './status.service.js';

@ApiTags('tasks')
@Controller('status')
export class StatusController {
  constructor(private readonly status: StatusService) {}

  @Get()
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({
    operationId: 'getStatus',
    summary: 'Count tasks, in total and by queue',
    description: 'A key for some queues counts only their tasks.',
  })
  @ApiOkResponse({ type: StatusAnswer, description: 'The current counts', examples: STATUS })
  @ApiProblems(...WITH_KEY, 'store_unavailable')
  async read(@CurrentPrincipal() principal: Principal, @Res() response: Response): Promise<void> {
    sendJsonParts(response, await this.status.text((queue) => mayUseQueue(principal, queue)));
  }
}
