import { Controller, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Public } from '../../auth/access.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { EvalId } from '../../queue/eval-id.decorator.js';
import { guardFor } from '../../queue/queue-access.js';
import { SteeringService } from '../../queue/steering.service.js';
import { AuditLog } from '../audit-log.js';
import { priorityIn, requirePriority } from '../bulk-actions.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { readForm } from '../form-reader.js';
import { requireRole } from '../session/require-role.js';
import { SessionGuard } from '../session/session.guard.js';

/** Actions of operators on one task. Each ends on a page that shows the result. */
@ApiExcludeController()
@Controller('dashboard')
@Public()
@UseGuards(SessionGuard)
@UseFilters(DashboardFilter)
export class ActionsController {
  constructor(
    private readonly steering: SteeringService,
    private readonly audit: AuditLog,
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
    const what = `cancelled task ${id}`;
    this.audit.finish(response, principal, { what, address: addressOf(id), notice: 'cancelled' });
  }

  @Post('tasks/:eval_id/redrive')
  async redrive(
    @EvalId() id: string,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'producer');
    await this.steering.redrive(id, {}, guardFor(principal));
    const what = `redrove task ${id}`;
    this.audit.finish(response, principal, { what, address: addressOf(id), notice: 'redriven' });
  }

  @Post('tasks/:eval_id/priority')
  async prioritize(
    @EvalId() id: string,
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'producer');
    const priority = requirePriority({ priority: priorityIn(await readForm(request, response)) });
    await this.steering.reprioritize(id, priority, guardFor(principal));
    const what = `gave task ${id} the priority ${priority}`;
    this.audit.finish(response, principal, { what, address: addressOf(id), notice: 'prioritized' });
  }

  @Post('tasks/:eval_id/release')
  async release(
    @EvalId() id: string,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    requireRole(principal, 'admin');
    await this.steering.release(id, guardFor(principal));
    const what = `released task ${id}`;
    this.audit.finish(response, principal, { what, address: addressOf(id), notice: 'released' });
  }
}

function addressOf(id: string): string {
  return `/dashboard/tasks/${encodeURIComponent(id)}`;
}
