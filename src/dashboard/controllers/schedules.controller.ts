import { Controller, Get, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Public } from '../../auth/access.decorator.js';
import { mayUseQueue, type Principal } from '../../auth/principal.js';
import { HttpLimits } from '../../http/http-limits.js';
import { problemOf } from '../../http/problem.filter.js';
import { ScheduleDesk } from '../../schedules/schedule-desk.js';
import { ScheduleId } from '../../schedules/schedule-id.decorator.js';
import { ScheduleService } from '../../schedules/schedule.service.js';
import { AuditLog } from '../audit-log.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { readForm } from '../form-reader.js';
import { PageSender, sendTo } from '../page-sender.js';
import { SchedulePage, type RefusedSchedule } from '../pages/schedule.page.js';
import { SchedulesPage } from '../pages/schedules.page.js';
import type { Page } from '../page-sender.js';
import { withNotice } from '../parts/notice.js';
import { scheduleOf, type ScheduleTexts, scheduleTexts, textsOf } from '../schedule-form.js';
import { requireRole } from '../session/require-role.js';
import { SessionGuard } from '../session/session.guard.js';

/** Pages of schedules, and the changes to them. */
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
    private readonly desk: ScheduleDesk,
    private readonly schedules: ScheduleService,
    private readonly limits: HttpLimits,
    private readonly audit: AuditLog,
  ) {}

  @Get('schedules')
  async list(@Req() request: Request, @Res() response: Response, @CurrentPrincipal() principal: Principal) {
    await this.sender.send(request, response, this.listPage.page(principal));
  }

  @Get('new-schedule')
  async form(@Req() request: Request, @Res() response: Response, @CurrentPrincipal() principal: Principal) {
    await this.sender.send(request, response, this.page.newPage(principal));
  }

  @Post('new-schedule')
  async create(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'producer');
    const texts = scheduleTexts(await this.formOf(request, response), undefined);
    await this.save(request, response, {
      principal,
      texts,
      refused: (refused) => this.page.newPage(principal, refused),
    });
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

  @Post('schedules/:schedule_id')
  async change(
    @ScheduleId() id: string,
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'producer');
    const { schedule } = await this.page.find(principal, id);
    const given = scheduleTexts(await this.formOf(request, response), textsOf(schedule));
    await this.save(request, response, {
      principal,
      texts: { ...given, schedule_id: id },
      refused: (refused) => this.page.page(principal, id, refused),
    });
  }

  @Post('schedules/:schedule_id/trigger')
  async trigger(
    @ScheduleId() id: string,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'producer');
    const { task } = await this.desk.trigger(id, principal);
    this.audit.write(principal, { what: `enqueued task ${task.spec.id} of schedule ${id}`, count: 1 });
    sendTo(response, withNotice(`/dashboard/tasks/${encodeURIComponent(task.spec.id)}`, 'triggered'));
  }

  @Post('schedules/:schedule_id/pause')
  async pause(
    @ScheduleId() id: string,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    await this.setPaused(id, true, principal);
    sendTo(response, withNotice(`/dashboard/schedules/${encodeURIComponent(id)}`, 'saved'));
  }

  @Post('schedules/:schedule_id/resume')
  async resume(
    @ScheduleId() id: string,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    await this.setPaused(id, false, principal);
    sendTo(response, withNotice(`/dashboard/schedules/${encodeURIComponent(id)}`, 'saved'));
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

  @Post('schedules/:schedule_id/delete')
  async remove(
    @ScheduleId() id: string,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'producer');
    await this.schedules.remove(id, (queue) => mayUseQueue(principal, queue));
    this.audit.write(principal, { what: `deleted schedule ${id}`, count: 1 });
    sendTo(response, withNotice('/dashboard/schedules', 'unscheduled'));
  }

  private async setPaused(id: string, isPaused: boolean, principal: Principal): Promise<void> {
    requireRole(principal, 'producer');
    await this.desk.setPaused(id, isPaused, principal);
    this.audit.write(principal, { what: `${isPaused ? 'paused' : 'resumed'} schedule ${id}`, count: 1 });
  }

  private formOf(request: Request, response: Response): Promise<URLSearchParams> {
    return readForm(request, response, this.limits);
  }

  private async save(request: Request, response: Response, { principal, texts, refused }: Saving) {
    try {
      const { schedule } = await this.desk.put(scheduleOf(texts, this.limits), principal);
      this.audit.write(principal, { what: `saved schedule ${schedule.id}`, count: 1 });
      sendTo(response, withNotice(`/dashboard/schedules/${encodeURIComponent(schedule.id)}`, 'saved'));
    } catch (error) {
      const problem = problemOf(error);
      if (problem.code === 'internal_error' || problem.code === 'store_unavailable') throw error;
      const { errors: problems = [] } = problem.extras;
      const page = await refused({ texts, problems, detail: problem.detail });
      await this.sender.send(request, response, page);
    }
  }
}

interface Saving {
  readonly principal: Principal;
  readonly texts: ScheduleTexts;
  /** The page that shows the refused form. */
  readonly refused: (refused: RefusedSchedule) => Page | Promise<Page>;
}
