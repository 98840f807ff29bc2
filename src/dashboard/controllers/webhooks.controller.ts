import { Controller, Get, Param, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Public } from '../../auth/access.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { DeliveriesService } from '../../webhooks/deliveries.service.js';
import { AuditLog } from '../audit-log.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { PageSender } from '../page-sender.js';
import { WebhooksPage } from '../pages/webhooks.page.js';
import { requireRole } from '../session/require-role.js';
import { SessionGuard } from '../session/session.guard.js';

/** Pages and actions of webhook deliveries. */
@ApiExcludeController()
@Controller('dashboard')
@Public()
@UseGuards(SessionGuard)
@UseFilters(DashboardFilter)
export class DashboardWebhooksController {
  constructor(
    private readonly sender: PageSender,
    private readonly webhooksPage: WebhooksPage,
    private readonly deliveries: DeliveriesService,
    private readonly audit: AuditLog,
  ) {}

  @Get('webhooks')
  async listWebhooks(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ) {
    const query = new URLSearchParams(request.url.split('?')[1] ?? '');
    await this.sender.send(request, response, this.webhooksPage.page(principal, query));
  }

  @Get('webhooks/:delivery_id')
  async oneWebhook(
    @Param('delivery_id') id: string,
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ) {
    await this.sender.send(request, response, await this.webhooksPage.deliveryPage(principal, id));
  }

  @Post('webhooks/:delivery_id/redeliver')
  async redeliver(
    @Param('delivery_id') id: string,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'admin');
    await this.deliveries.redeliver(id);
    const address = `/dashboard/webhooks/${encodeURIComponent(id)}`;
    this.audit.finish(response, principal, {
      what: `sent webhook ${id} again`,
      address,
      notice: 'redelivered',
    });
  }
}
