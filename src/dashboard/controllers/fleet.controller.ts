import { Controller, Get, Param, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Public } from '../../auth/access.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { WorkerService } from '../../workers/worker.service.js';
import { AuditLog } from '../audit-log.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { PageSender, sendTo } from '../page-sender.js';
import { BatchesPage } from '../pages/batches.page.js';
import { SchedulesPage } from '../pages/schedules.page.js';
import { WorkersPage } from '../pages/workers.page.js';
import { withNotice } from '../parts/notice.js';
import { requireRole } from '../session/require-role.js';
import { SessionGuard } from '../session/session.guard.js';

/** Pages of workers, batches and schedules. */
@ApiExcludeController()
@Controller('dashboard')
@Public()
@UseGuards(SessionGuard)
@UseFilters(DashboardFilter)
export class FleetController {
  constructor(
    private readonly sender: PageSender,
    private readonly workersPage: WorkersPage,
    private readonly batchesPage: BatchesPage,
    private readonly schedulesPage: SchedulesPage,
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

  @Get('batches')
  async listBatches(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ) {
    await this.sender.send(request, response, this.batchesPage.page(principal));
  }

  @Get('schedules')
  async listSchedules(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ) {
    await this.sender.send(request, response, this.schedulesPage.page(principal));
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
