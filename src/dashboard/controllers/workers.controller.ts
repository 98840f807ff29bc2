import { Controller, Get, Param, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Public } from '../../auth/access.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { WorkerService } from '../../workers/worker.service.js';
import { AuditLog } from '../audit-log.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { PageSender } from '../page-sender.js';
import { WorkerPage } from '../pages/worker.page.js';
import { WorkersPage } from '../pages/workers.page.js';
import { requireRole } from '../session/require-role.js';
import { SessionGuard } from '../session/session.guard.js';

/** Pages and actions of workers. */
@ApiExcludeController()
@Controller('dashboard')
@Public()
@UseGuards(SessionGuard)
@UseFilters(DashboardFilter)
export class DashboardWorkersController {
  constructor(
    private readonly sender: PageSender,
    private readonly workersPage: WorkersPage,
    private readonly workerPage: WorkerPage,
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

  @Post('workers/:worker_id/drain')
  async drain(
    @Param('worker_id') id: string,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'admin');
    await this.workers.drain(id);
    const address = '/dashboard/workers';
    this.audit.finish(response, principal, { what: `drained worker ${id}`, address, notice: 'drained' });
  }

  @Post('workers/:worker_id/resume')
  async resume(
    @Param('worker_id') id: string,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'admin');
    await this.workers.resume(id);
    const address = '/dashboard/workers';
    this.audit.finish(response, principal, { what: `resumed worker ${id}`, address, notice: 'resumed' });
  }
}
