import { Controller, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Public } from '../../auth/access.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { HttpLimits } from '../../http/http-limits.js';
import { problemOf } from '../../http/problem.filter.js';
import { ScheduleDesk } from '../../schedules/schedule-desk.js';
import { ScheduleId } from '../../schedules/schedule-id.decorator.js';
import { AuditLog } from '../audit-log.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { readForm } from '../form-reader.js';
import { type Page, PageSender } from '../page-sender.js';
import { type RefusedSchedule, SchedulePage } from '../pages/schedule.page.js';
import { scheduleOf, type ScheduleTexts, scheduleTexts, textsOf } from '../schedule-form.js';
import { requireRole } from '../session/require-role.js';
import { SessionGuard } from '../session/session.guard.js';

/** Changes to schedules. Each ends on a page that shows the result. */
@ApiExcludeController()
@Controller('dashboard')
@Public()
@UseGuards(SessionGuard)
@UseFilters(DashboardFilter)
export class ScheduleActionsController {
  constructor(
    private readonly sender: PageSender,
    private readonly page: SchedulePage,
    private readonly desk: ScheduleDesk,
    private readonly limits: HttpLimits,
    private readonly audit: AuditLog,
  ) {}

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
    const what = `enqueued task ${task.spec.id} of schedule ${id}`;
    const address = `/dashboard/tasks/${encodeURIComponent(task.spec.id)}`;
    this.audit.finish(response, principal, { what, address, notice: 'triggered' });
  }

  @Post('schedules/:schedule_id/pause')
  async pause(
    @ScheduleId() id: string,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'producer');
    await this.desk.setPaused(id, true, principal);
    const address = addressOf(id);
    this.audit.finish(response, principal, { what: `paused schedule ${id}`, address, notice: 'saved' });
  }

  @Post('schedules/:schedule_id/resume')
  async resume(
    @ScheduleId() id: string,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'producer');
    await this.desk.setPaused(id, false, principal);
    const address = addressOf(id);
    this.audit.finish(response, principal, { what: `resumed schedule ${id}`, address, notice: 'saved' });
  }

  @Post('schedules/:schedule_id/delete')
  async remove(
    @ScheduleId() id: string,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'producer');
    await this.desk.remove(id, principal);
    const address = '/dashboard/schedules';
    this.audit.finish(response, principal, {
      what: `deleted schedule ${id}`,
      address,
      notice: 'unscheduled',
    });
  }

  private formOf(request: Request, response: Response): Promise<URLSearchParams> {
    return readForm(request, response, this.limits);
  }

  private async save(request: Request, response: Response, { principal, texts, refused }: Saving) {
    try {
      const { schedule } = await this.desk.put(scheduleOf(texts, this.limits), principal);
      const what = `saved schedule ${schedule.id}`;
      this.audit.finish(response, principal, { what, address: addressOf(schedule.id), notice: 'saved' });
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

function addressOf(id: string): string {
  return `/dashboard/schedules/${encodeURIComponent(id)}`;
}
