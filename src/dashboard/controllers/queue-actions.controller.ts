import { Controller, Param, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Public } from '../../auth/access.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { HttpLimits } from '../../http/http-limits.js';
import { ProblemError } from '../../http/problem.error.js';
import { requireQueue } from '../../queue/queue-access.js';
import { QueueNamePipe } from '../../queue/queue-name.pipe.js';
import { QueueService } from '../../queue/queue.service.js';
import { QueueAdminService } from '../../queue-admin/queue-admin.service.js';
import type { QueueSettingsChange } from '../../task/queue-settings.js';
import { AuditLog } from '../audit-log.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { readForm } from '../form-reader.js';
import { changeFrom, limitTexts } from '../limits-form.js';
import { PageSender } from '../page-sender.js';
import { QueuePage } from '../pages/queue.page.js';
import { limitsInWords } from '../parts/limits.js';
import { requireRole } from '../session/require-role.js';
import { SessionGuard } from '../session/session.guard.js';

/** Actions of administrators on queues. Each ends on a page that shows the result. */
@ApiExcludeController()
@Controller('dashboard/queues/:queue')
@Public()
@UseGuards(SessionGuard)
@UseFilters(DashboardFilter)
export class QueueActionsController {
  constructor(
    private readonly sender: PageSender,
    private readonly page: QueuePage,
    private readonly tasks: QueueService,
    private readonly queues: QueueAdminService,
    private readonly limits: HttpLimits,
    private readonly audit: AuditLog,
  ) {}

  @Post('purge')
  async purge(
    @Param('queue', new QueueNamePipe()) queue: string,
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireAdminOf(principal, queue);
    const form = await readForm(request, response);
    if (form.get('typed') !== queue) {
      await this.sender.send(request, response, await this.page.purgePage(principal, queue, true));
      return;
    }
    const count = await this.tasks.clear({ queues: [queue] });
    const address = '/dashboard/queues';
    this.audit.finish(response, principal, {
      what: `purged queue ${queue}`,
      count,
      address,
      notice: 'purged',
    });
  }

  @Post('pause')
  async pause(
    @Param('queue', new QueueNamePipe()) queue: string,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireAdminOf(principal, queue);
    await this.queues.change(queue, { paused: true });
    const address = addressOf(queue);
    this.audit.finish(response, principal, { what: `paused queue ${queue}`, address, notice: 'paused' });
  }

  @Post('resume')
  async resume(
    @Param('queue', new QueueNamePipe()) queue: string,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireAdminOf(principal, queue);
    await this.queues.change(queue, { paused: null });
    const address = addressOf(queue);
    this.audit.finish(response, principal, { what: `resumed queue ${queue}`, address, notice: 'unpaused' });
  }

  @Post('limits')
  async limit(
    @Param('queue', new QueueNamePipe()) queue: string,
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireAdminOf(principal, queue);
    const texts = limitTexts(await readForm(request, response));
    let change: QueueSettingsChange;
    try {
      change = changeFrom(texts, this.limits);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      const problems = error.extras.errors ?? [];
      await this.sender.send(
        request,
        response,
        await this.page.page(principal, queue, { period: '10m', refused: { texts, problems } }),
      );
      return;
    }
    const { settings } = await this.queues.change(queue, change);
    const words = limitsInWords(settings).join(', ') || 'none';
    const what = `set the limits of queue ${queue} to ${words}`;
    this.audit.finish(response, principal, { what, address: addressOf(queue), notice: 'limited' });
  }
}

/** @throws ProblemError `forbidden` */
function requireAdminOf(principal: Principal, queue: string): void {
  requireRole(principal, 'admin');
  requireQueue(principal, queue);
}

function addressOf(queue: string): string {
  return `/dashboard/queues/${encodeURIComponent(queue)}`;
}
