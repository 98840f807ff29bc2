import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentPrincipal, Roles } from '../auth/access.decorators.js';
import { mayUseQueue, type Principal } from '../auth/principal.js';
import { ApiProblems } from '../http/api-problems.decorator.js';
import { StatusService, type StatusView } from './status.service.js';

@ApiTags('tasks')
@Controller('status')
export class StatusController {
  constructor(private readonly status: StatusService) {}

  @Get()
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({ summary: 'Count tasks, in all and by queue' })
  @ApiProblems('unauthorized', 'store_unavailable')
  read(@CurrentPrincipal() principal: Principal): Promise<StatusView> {
    return this.status.read((queue) => mayUseQueue(principal, queue));
  }
}
