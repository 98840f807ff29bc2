import { Controller, Get, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Public } from '../../auth/access.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { ScheduleId } from '../../schedules/schedule-id.decorator.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { PageSender } from '../page-sender.js';
import { SchedulePage } from '../pages/schedule.page.js';
import { SchedulesPage } from '../pages/schedules.page.js';
import { SessionGuard } from '../session/session.guard.js';

/** Pages of schedules. */
@ApiExcludeController()
@Controller('dashboard')
@Public()
@UseGuards(SessionGuard)
@UseFilters(DashboardFilter)
export class DashboardSchedulesController {
  constructor(
    private readonly sender: PageSender,
    private readonly listPage: SchedulesPage,
    private readonly page: SchedulePage,
  ) {}

  @Get('schedules')
  async list(@Req() request: Request, @Res() response: Response, @CurrentPrincipal() principal: Principal) {
    await this.sender.send(request, response, this.listPage.page(principal));
  }

  @Get('new-schedule')
  async form(@Req() request: Request, @Res() response: Response, @CurrentPrincipal() principal: Principal) {
    await this.sender.send(request, response, this.page.newPage(principal));
  }

  @Get('schedules/:schedule_id')
  async one(
    @ScheduleId() id: string,
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    await this.sender.send(request, response, await this.page.page(principal, id));
  }

  @Get('schedules/:schedule_id/delete')
  async confirmDelete(
    @ScheduleId() id: string,
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    await this.sender.send(request, response, await this.page.deletePage(principal, id));
  }
}
