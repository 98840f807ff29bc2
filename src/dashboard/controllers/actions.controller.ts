import { Controller, Get, Param, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Public } from '../../auth/access.decorators.js';
import type { Principal } from '../../auth/principal.js';
import { ProblemError } from '../../http/problem.error.js';
import { EvalId } from '../../queue/eval-id.decorator.js';
import { guardFor, visibleQueues } from '../../queue/queue-access.js';
import { SteeringService } from '../../queue/steering.service.js';
import { Clock, type Instant } from '../../task/clock.js';
import { DEAD_LETTER_STATES } from '../../task/task.js';
import { AuditLog } from '../audit.log.js';
import { BULK_ACTIONS, BULK_LIMIT, type BulkAction, BulkActions, type BulkOrder } from '../bulk-actions.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { groupOf } from '../dead-letters.js';
import { readForm } from '../form.reader.js';
import { PageSender, sendTo } from '../page-sender.js';
import { BulkPage } from '../pages/bulk.page.js';
import { withNotice } from '../parts/notice.js';
import { requireRole } from '../session/require-role.js';
import { SessionGuard } from '../session/session.guard.js';
import { describeFilters, queryOf, readFilters } from '../task-filters.js';

const PAST: Readonly<Record<BulkAction, 'cancelled' | 'redriven'>> = {
  cancel: 'cancelled',
  redrive: 'redriven',
};

/** What operators do with tasks. Each action ends on a page that says what came of it. */
@ApiExcludeController()
@Controller('dashboard')
@Public()
@UseGuards(SessionGuard)
@UseFilters(DashboardFilter)
export class ActionsController {
  constructor(
    private readonly steering: SteeringService,
    private readonly bulk: BulkActions,
    private readonly bulkPage: BulkPage,
    private readonly sender: PageSender,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  @Post('tasks/:eval_id/cancel')
  async cancel(
    @EvalId() id: string,
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'producer');
    const reason = ((await readForm(request, response)).get('reason') ?? '').trim().slice(0, 1000);
    await this.steering.cancel(id, reason === '' ? undefined : reason, guardFor(principal));
    this.audit.write(principal, { what: `cancelled task ${id}`, count: 1 });
    sendTo(response, withNotice(`/dashboard/tasks/${encodeURIComponent(id)}`, 'cancelled'));
  }

  @Post('tasks/:eval_id/redrive')
  async redrive(
    @EvalId() id: string,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'producer');
    await this.steering.redrive(id, guardFor(principal));
    this.audit.write(principal, { what: `redrove task ${id}`, count: 1 });
    sendTo(response, withNotice(`/dashboard/tasks/${encodeURIComponent(id)}`, 'redriven'));
  }

  @Post('dead-letters/:group/redrive')
  async redriveGroup(
    @Param('group') group: string,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'producer');
    const count = await this.steering.redriveAll({
      states: DEAD_LETTER_STATES,
      queues: visibleQueues(principal, undefined),
      createdBefore: this.clock.now().wall,
      limit: BULK_LIMIT,
      isMeant: (task) => groupOf(task) === group,
    });
    this.audit.write(principal, { what: 'redrove the dead letters of one error', count });
    sendTo(response, withNotice('/dashboard/dead-letters', 'redriven', count));
  }

  @Get('tasks/bulk')
  async confirmBulk(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'producer');
    const order = orderOf(new URLSearchParams(request.url.split('?')[1] ?? ''), this.clock.now().wall);
    await this.sender.send(request, response, await this.bulkPage.page(principal, order));
  }

  @Post('tasks/bulk')
  async carryOut(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'producer');
    const form = await readForm(request, response);
    const order = orderOf(form, this.clock.now().wall);
    const typed = (form.get('typed') ?? '').replace(/[\s,.]/g, '');
    if (typed === '' || typed !== form.get('count')) {
      await this.sender.send(request, response, await this.bulkPage.page(principal, order, true));
      return;
    }
    const count = await this.bulk.carryOut(principal, order);
    const filters = describeFilters(order.filters);
    this.audit.write(principal, { what: `${PAST[order.action]} all tasks ${filters}`.trim(), count });
    const address = `/dashboard/tasks?${queryOf(order.filters).toString()}`;
    sendTo(response, withNotice(address, PAST[order.action], count));
  }
}

/** What the address, or the form that came from it, asks for. */
function orderOf(query: URLSearchParams, now: Instant): BulkOrder {
  const action = BULK_ACTIONS.find((one) => one === query.get('action'));
  if (action === undefined) throw new ProblemError('not_found', 'There is no such action');
  const filters = readFilters(query);
  // To leave a filter out that cannot be read would act on more than was meant.
  if (filters.unusable.length > 0) {
    throw new ProblemError(
      'invalid_request',
      `No task can have this: look at ${filters.unusable.join(', ')}`,
    );
  }
  const at = Number(query.get('at') ?? now);
  return { action, filters, at: Number.isFinite(at) && at <= now ? at : now };
}
