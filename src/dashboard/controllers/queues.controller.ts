import { Controller, Get, Param, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Public } from '../../auth/access.decorators.js';
import type { Principal } from '../../auth/principal.js';
import { ProblemError } from '../../http/problem.error.js';
import { QUEUE_NAME } from '../../queue/dto/limits.js';
import { requireQueue } from '../../queue/queue-access.js';
import { QueueService } from '../../queue/queue.service.js';
import { AuditLog } from '../audit.log.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { readForm } from '../form.reader.js';
import { PageSender, sendTo } from '../page-sender.js';
import { EventsPage } from '../pages/events.page.js';
import { QueuesPage } from '../pages/queues.page.js';
import { withNotice } from '../parts/notice.js';
import { requireRole } from '../session/require-role.js';
import { SessionGuard } from '../session/session.guard.js';

/** Queues as a whole, and what happens in them. */
@ApiExcludeController()
@Controller('dashboard')
@Public()
@UseGuards(SessionGuard)
@UseFilters(DashboardFilter)
export class QueuesController {
  constructor(
    private readonly sender: PageSender,
    private readonly queuesPage: QueuesPage,
    private readonly eventsPage: EventsPage,
    private readonly queue: QueueService,
    private readonly audit: AuditLog,
  ) {}

  @Get('queues')
  async queues(@Req() request: Request, @Res() response: Response, @CurrentPrincipal() principal: Principal) {
    await this.sender.send(request, response, this.queuesPage.page(principal));
  }

  @Get('events')
  async events(@Req() request: Request, @Res() response: Response, @CurrentPrincipal() principal: Principal) {
    await this.sender.send(request, response, this.eventsPage.page(principal));
  }

  @Get('queues/:queue/purge')
  async confirmPurge(
    @Param('queue') name: string,
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'admin');
    await this.sender.send(request, response, await this.queuesPage.purgePage(principal, known(name)));
  }

  @Post('queues/:queue/purge')
  async purge(
    @Param('queue') name: string,
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'admin');
    const queue = known(name);
    requireQueue(principal, queue);
    const form = await readForm(request, response);
    if (form.get('typed') !== queue) {
      await this.sender.send(request, response, await this.queuesPage.purgePage(principal, queue, true));
      return;
    }
    const count = await this.queue.clear({ queues: [queue] });
    this.audit.write(principal, { what: `purged queue ${queue}`, count });
    sendTo(response, withNotice('/dashboard/queues', 'purged', count));
  }
}

/** What no queue can be called is not looked up, and not repeated. */
function known(name: string): string {
  if (QUEUE_NAME.test(name)) return name;
  throw new ProblemError('not_found', 'There is no such queue');
}
