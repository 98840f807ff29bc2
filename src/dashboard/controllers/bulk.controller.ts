import { Controller, Get, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Public } from '../../auth/access.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { ProblemError } from '../../http/problem.error.js';
import { EVAL_ID } from '../../queue/dto/limits.js';
import { Clock, type Instant } from '../../task/clock.js';
import { AuditLog } from '../audit-log.js';
import {
  BULK_ACTIONS,
  type BulkAction,
  BulkActions,
  type BulkOrder,
  isBulkAction,
  MOST_SELECTED,
  priorityIn,
} from '../bulk-actions.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { readForm } from '../form-reader.js';
import { PageSender, sendTo } from '../page-sender.js';
import { BulkPage } from '../pages/bulk.page.js';
import type { NoticeName } from '../parts/notice.js';
import { requireRole } from '../session/require-role.js';
import { SessionGuard } from '../session/session.guard.js';
import { describeFilters, queryOf, readActionFilters } from '../task-filters.js';

const PAST = {
  cancel: 'cancelled',
  redrive: 'redriven',
  prioritize: 'prioritized',
  release: 'released',
  delete: 'deleted',
} as const satisfies Readonly<Record<BulkAction, NoticeName>>;

/** Actions of operators on many tasks: a preview, then the action. */
@ApiExcludeController()
@Controller('dashboard/bulk')
@Public()
@UseGuards(SessionGuard)
@UseFilters(DashboardFilter)
export class DashboardBulkController {
  constructor(
    private readonly bulk: BulkActions,
    private readonly page: BulkPage,
    private readonly sender: PageSender,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {}

  @Get()
  async confirm(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    const query = new URLSearchParams(request.url.split('?')[1] ?? '');
    const order = orderOf(principal, query, this.clock.now().wall);
    await this.sender.send(request, response, await this.page.page(principal, order));
  }

  /** The buttons of the list: on the selected rows, or on everything that matches. */
  @Post('preview')
  async preview(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    const form = await readForm(request, response);
    const order = orderOf(principal, form, this.clock.now().wall);
    const ids = selectedIn(form);
    if (ids.length > 0) {
      await this.sender.send(request, response, await this.page.selectedPage(principal, order, ids));
      return;
    }
    const query = queryOf(order.filters);
    query.set('action', order.action);
    sendTo(response, `/dashboard/bulk?${query.toString()}`);
  }

  @Post()
  async carryOut(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    const form = await readForm(request, response);
    const now = this.clock.now().wall;
    const ids = selectedIn(form);
    if (ids.length > 0) {
      const order = orderOf(principal, form, now);
      const count = await this.bulk.carryOutSelected(principal, order, ids);
      const notice = PAST[order.action];
      const what = `${notice} selected tasks ${ids.join(', ')}`;
      this.audit.finish(response, principal, { what, count, address: addressOf(order), notice });
      return;
    }
    const order = orderOf(principal, form, shownAt(form, now));
    const confirmed = confirmedCount(form);
    if (confirmed === undefined) {
      await this.sender.send(request, response, await this.page.page(principal, order, true));
      return;
    }
    const count = await this.bulk.carryOut(principal, order, confirmed);
    const notice = PAST[order.action];
    const what = `${notice} all tasks ${describeFilters(order.filters)}`.trim();
    this.audit.finish(response, principal, { what, count, address: addressOf(order), notice });
  }
}

/** Fields of the forms, besides the filters. */
const CONFIRMATION = ['action', 'at', 'count', 'typed', 'task', 'priority'];

function addressOf({ filters }: BulkOrder): string {
  return `/dashboard/tasks?${queryOf(filters).toString()}`;
}

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

/**
 * Reads the order from the page's address or its form.
 *
 * @throws ProblemError `forbidden` when the key lacks the role of the action
 */
function orderOf(principal: Principal, query: URLSearchParams, at: Instant): BulkOrder {
  const action = query.get('action');
  if (!isBulkAction(action)) throw new ProblemError('not_found', 'There is no such action');
  requireRole(principal, BULK_ACTIONS[action].role);
  const filters = readActionFilters(query, CONFIRMATION);
  // Ignoring an unreadable filter would change more tasks than the operator asked for.
  if (filters.unusable.length > 0) {
    throw new ProblemError('invalid_request', `Not a valid filter: ${filters.unusable.join(', ')}`);
  }
  return { action, filters, at, priority: priorityIn(query) };
}

/** @throws ProblemError `invalid_request` when an id is malformed or there are too many */
function selectedIn(form: URLSearchParams): readonly string[] {
  const ids = [...new Set(form.getAll('task'))];
  if (ids.length <= MOST_SELECTED && ids.every((id) => EVAL_ID.test(id))) return ids;
  throw new ProblemError('invalid_request', `Select at most ${MOST_SELECTED} tasks by their ids`);
}
