import { Controller, Get, Param, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Public } from '../../auth/access.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { QueueNamePipe } from '../../queue/queue-name.pipe.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { PageSender } from '../page-sender.js';
import { EventsPage } from '../pages/events.page.js';
import { QueuePage } from '../pages/queue.page.js';
import { periodIn } from '../pages/timeline-part.js';
import { QueuesPage } from '../pages/queues.page.js';
import { requireRole } from '../session/require-role.js';
import { SessionGuard } from '../session/session.guard.js';

/** Pages of queues and events. */
@ApiExcludeController()
@Controller('dashboard')
@Public()
@UseGuards(SessionGuard)
@UseFilters(DashboardFilter)
export class QueuesController {
  constructor(
    private readonly sender: PageSender,
    private readonly queuesPage: QueuesPage,
    private readonly queuePage: QueuePage,
    private readonly eventsPage: EventsPage,
  ) {}

  @Get('queues')
  async queues(@Req() request: Request, @Res() response: Response, @CurrentPrincipal() principal: Principal) {
    await this.sender.send(request, response, this.queuesPage.page(principal));
  }

  @Get('events')
  async events(@Req() request: Request, @Res() response: Response, @CurrentPrincipal() principal: Principal) {
    await this.sender.send(request, response, this.eventsPage.page(principal));
  }

  @Get('queues/:queue')
  async queue(
    @Param('queue', new QueueNamePipe()) queue: string,
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ) {
    await this.sender.send(
      request,
      response,
      await this.queuePage.page(principal, queue, {
        period: periodIn(new URLSearchParams(request.url.split('?')[1] ?? '')),
      }),
    );
  }

  @Get('queues/:queue/purge')
  async confirmPurge(
    @Param('queue', new QueueNamePipe()) queue: string,
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'admin');
    await this.sender.send(request, response, await this.queuePage.purgePage(principal, queue));
  }
}
