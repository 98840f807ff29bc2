import { Controller, Get, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Public } from '../../auth/access.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { HttpLimits } from '../../http/http-limits.js';
import { problemOf } from '../../http/problem.filter.js';
import { EVAL_ID } from '../../queue/dto/limits.js';
import { Enqueuer } from '../../queue/enqueuer.js';
import { TaskNotFound } from '../../task/task.errors.js';
import { AuditLog } from '../audit-log.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { readForm } from '../form-reader.js';
import { PageSender, sendTo } from '../page-sender.js';
import { EnqueuePage } from '../pages/enqueue.page.js';
import { withNotice } from '../parts/notice.js';
import { requireRole } from '../session/require-role.js';
import { SessionGuard } from '../session/session.guard.js';
import { taskOf, taskTexts } from '../task-form.js';

/** The form that enqueues a task. */
@ApiExcludeController()
@Controller('dashboard/enqueue')
@Public()
@UseGuards(SessionGuard)
@UseFilters(DashboardFilter)
export class EnqueueController {
  constructor(
    private readonly sender: PageSender,
    private readonly page: EnqueuePage,
    private readonly enqueuer: Enqueuer,
    private readonly limits: HttpLimits,
    private readonly audit: AuditLog,
  ) {}

  @Get()
  async form(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'producer');
    const from = originalIn(new URLSearchParams(request.url.split('?')[1] ?? ''));
    await this.sender.send(request, response, await this.page.page(principal, from));
  }

  @Post()
  async enqueue(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'producer');
    const form = await readForm(request, response, this.limits);
    const from = originalIn(form);
    const texts = taskTexts(form, await this.page.textsFrom(principal, from));
    try {
      const { task, isReplay } = await this.enqueuer.enqueue(taskOf(texts, this.limits), { principal });
      const { id } = task.spec;
      const address = `/dashboard/tasks/${encodeURIComponent(id)}`;
      if (isReplay) sendTo(response, withNotice(address, 'replayed'));
      else
        this.audit.finish(response, principal, { what: `enqueued task ${id}`, address, notice: 'enqueued' });
    } catch (error) {
      const problem = problemOf(error);
      if (problem.code === 'internal_error' || problem.code === 'store_unavailable') throw error;
      const problems = problem.extras.errors ?? [];
      const refused = { texts, problems, detail: problem.detail };
      await this.sender.send(request, response, await this.page.page(principal, from, refused));
    }
  }
}

/** @throws TaskNotFound when the id of the task to start from is malformed */
function originalIn(query: URLSearchParams): string | undefined {
  const from = query.get('from') ?? '';
  if (from === '') return undefined;
  if (!EVAL_ID.test(from)) throw new TaskNotFound();
  return from;
}
