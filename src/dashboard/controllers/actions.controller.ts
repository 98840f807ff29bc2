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
import { DEAD_LETTER_STATES } from '../../task/task-state.js';
import { AuditLog } from '../audit.log.js';
import { BULK_ACTIONS, BULK_LIMIT, type BulkAction, BulkActions, type BulkOrder } from '../bulk-actions.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { groupOf } from '../dead-letters.js';
import { readForm } from '../form.reader.js';
import { PageSender, sendTo } from '../page-sender.js';
import { BulkPage } from '../pages/bulk.page.js';
import { DeadLettersPage } from '../pages/dead-letters.page.js';
import { withNotice } from '../parts/notice.js';
import { requireRole } from '../session/require-role.js';
import { SessionGuard } from '../session/session.guard.js';
import { describeFilters, queryOf, readActionFilters } from '../task-filters.js';

const PAST: Readonly<Record<BulkAction, 'cancelled' | 'redriven'>> = {
  cancel: 'cancelled',
  redrive: 'redriven',
};

/** Actions of operators on tasks. Each ends on a page that shows the result. */
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
    private readonly deadLetters: DeadLettersPage,
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

  @Get('dead-letters/:group/redrive')
  async confirmGroup(
    @Param('group') group: string,
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'producer');
    await this.sender.send(request, response, await this.deadLetters.redrivePage(principal, group));
  }

  @Post('dead-letters/:group/redrive')
  async redriveGroup(
    @Param('group') group: string,
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'producer');
    const form = await readForm(request, response);
    const confirmed = confirmedCount(form);
    if (confirmed === undefined) {
      await this.sender.send(request, response, await this.deadLetters.redrivePage(principal, group, true));
      return;
    }
    const count = await this.steering.redriveAll({
      states: DEAD_LETTER_STATES,
      queues: visibleQueues(principal, undefined),
      createdBefore: shownAt(form, this.clock.now().wall),
      limit: Math.min(confirmed, BULK_LIMIT),
      isMeant: (task) => groupOf(task) === group,
    });
    this.audit.write(principal, { what: 'redrove dead letters with one error', count });
    sendTo(response, withNotice('/dashboard/dead-letters', 'redriven', count));
  }

  @Get('tasks/bulk')
  async confirmBulk(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'producer');
    const query = new URLSearchParams(request.url.split('?')[1] ?? '');
    const order = orderOf(query, this.clock.now().wall);
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
    const order = orderOf(form, shownAt(form, this.clock.now().wall));
    const confirmed = confirmedCount(form);
    if (confirmed === undefined) {
      await this.sender.send(request, response, await this.bulkPage.page(principal, order, true));
      return;
    }
    const count = await this.bulk.carryOut(principal, order, confirmed);
    const filters = describeFilters(order.filters);
    this.audit.write(principal, { what: `${PAST[order.action]} all tasks ${filters}`.trim(), count });
    const address = `/dashboard/tasks?${queryOf(order.filters).toString()}`;
    sendTo(response, withNotice(address, PAST[order.action], count));
  }
}

/** Fields of the confirmation form, besides the filters. */
const CONFIRMATION = ['action', 'at', 'count', 'typed'];

/** The number that the operator saw and typed; `undefined` when the typed number is missing or differs. */
function confirmedCount(form: URLSearchParams): number | undefined {
  const typed = (form.get('typed') ?? '').replace(/[\s,.]/g, '');
  return /^[1-9]\d{0,8}$/.test(typed) && typed === form.get('count') ? Number(typed) : undefined;
}

/**
 * When the operator saw the count. Later tasks are not included.
 *
 * @throws ProblemError `invalid_request` when it is missing, because every task would match
 */
function shownAt(form: URLSearchParams, now: Instant): Instant {
  const text = form.get('at') ?? '';
  const at = Number(text);
  if (text !== '' && Number.isFinite(at) && at <= now) return at;
  throw new ProblemError('invalid_request', 'The form is out of date; open it again');
}

/** Reads the order from the page's address or its form. */
function orderOf(query: URLSearchParams, at: Instant): BulkOrder {
  const action = BULK_ACTIONS.find((one) => one === query.get('action'));
  if (action === undefined) throw new ProblemError('not_found', 'There is no such action');
  const filters = readActionFilters(query, CONFIRMATION);
  // Ignoring an unreadable filter would change more tasks than the operator asked for.
  if (filters.unusable.length > 0) {
    throw new ProblemError('invalid_request', `Not a valid filter: ${filters.unusable.join(', ')}`);
  }
  return { action, filters, at };
}
