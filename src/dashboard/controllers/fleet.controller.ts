import { Controller, Get, Param, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Public } from '../../auth/access.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { ProblemError } from '../../http/problem.error.js';
import { BATCH_ID } from '../../queue/dto/limits.js';
import { WorkerService } from '../../workers/worker.service.js';
import { DeliveriesService } from '../../webhooks/deliveries.service.js';
import { AuditLog } from '../audit-log.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { PageSender, sendTo } from '../page-sender.js';
import { BatchPage } from '../pages/batch.page.js';
import { BatchesPage } from '../pages/batches.page.js';
import { WebhooksPage } from '../pages/webhooks.page.js';
import { WorkerPage } from '../pages/worker.page.js';
import { WorkersPage } from '../pages/workers.page.js';
import { withNotice } from '../parts/notice.js';
import { requireRole } from '../session/require-role.js';
import { SessionGuard } from '../session/session.guard.js';

/** Pages of workers, batches and webhooks. */
@ApiExcludeController()
@Controller('dashboard')
@Public()
@UseGuards(SessionGuard)
@UseFilters(DashboardFilter)
export class FleetController {
  constructor(
    private readonly sender: PageSender,
    private readonly workersPage: WorkersPage,
    private readonly workerPage: WorkerPage,
    private readonly batchPage: BatchPage,
    private readonly webhooksPage: WebhooksPage,
    private readonly deliveries: DeliveriesService,
    private readonly batchesPage: BatchesPage,
    private readonly workers: WorkerService,
    private readonly audit: AuditLog,
  ) {}

  @Get('workers')
  async listWorkers(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ) {
    await this.sender.send(request, response, this.workersPage.page(principal));
  }

  @Get('workers/:worker_id')
  async oneWorker(
    @Param('worker_id') id: string,
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ) {
    await this.sender.send(request, response, await this.workerPage.page(principal, id));
  }

  @Get('batches')
  async listBatches(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ) {
    await this.sender.send(request, response, this.batchesPage.page(principal));
  }

  @Get('batches/:batch_id')
  async oneBatch(
    @Param('batch_id') id: string,
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ) {
    if (!BATCH_ID.test(id)) throw new ProblemError('batch_not_found', 'There is no such batch');
    await this.sender.send(request, response, await this.batchPage.page(principal, id));
  }

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
    this.audit.write(principal, { what: `sent webhook ${id} again`, count: 1 });
    sendTo(response, withNotice(`/dashboard/webhooks/${encodeURIComponent(id)}`, 'redelivered'));
  }

  @Post('workers/:worker_id/drain')
  async drain(
    @Param('worker_id') id: string,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'admin');
    await this.workers.drain(id);
    this.audit.write(principal, { what: `drained worker ${id}`, count: 1 });
    sendTo(response, withNotice('/dashboard/workers', 'drained'));
  }

  @Post('workers/:worker_id/resume')
  async resume(
    @Param('worker_id') id: string,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'admin');
    await this.workers.resume(id);
    this.audit.write(principal, { what: `resumed worker ${id}`, count: 1 });
    sendTo(response, withNotice('/dashboard/workers', 'resumed'));
  }
}
