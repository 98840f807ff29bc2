import { Controller, Get, Param, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Public } from '../../auth/access.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { ProblemError } from '../../http/problem.error.js';
import { BATCH_ID } from '../../queue/dto/limits.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { PageSender } from '../page-sender.js';
import { BatchPage } from '../pages/batch.page.js';
import { BatchesPage } from '../pages/batches.page.js';
import { SessionGuard } from '../session/session.guard.js';

/** Pages of batches. */
@ApiExcludeController()
@Controller('dashboard')
@Public()
@UseGuards(SessionGuard)
@UseFilters(DashboardFilter)
export class DashboardBatchesController {
  constructor(
    private readonly sender: PageSender,
    private readonly batchesPage: BatchesPage,
    private readonly batchPage: BatchPage,
  ) {}

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
}
