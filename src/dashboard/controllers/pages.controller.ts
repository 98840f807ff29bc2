import { Controller, Get, Param, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Public } from '../../auth/access.decorators.js';
import type { Principal } from '../../auth/principal.js';
import { EVAL_ID } from '../../queue/dto/limits.js';
import { EvalId } from '../../queue/eval-id.decorator.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { PageSender, sendTo } from '../page-sender.js';
import { DeadLettersPage } from '../pages/dead-letters.page.js';
import { OverviewPage } from '../pages/overview.page.js';
import { TaskPage } from '../pages/task.page.js';
import { TasksPage } from '../pages/tasks.page.js';
import { withNotice } from '../parts/notice.js';
import { SessionGuard } from '../session/session.guard.js';

/** Read-only pages. */
@ApiExcludeController()
@Controller('dashboard')
@Public()
@UseGuards(SessionGuard)
@UseFilters(DashboardFilter)
export class PagesController {
  constructor(
    private readonly sender: PageSender,
    private readonly overviewPage: OverviewPage,
    private readonly tasksPage: TasksPage,
    private readonly taskPage: TaskPage,
    private readonly deadLettersPage: DeadLettersPage,
  ) {}

  @Get()
  async overview(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ) {
    await this.sender.send(request, response, this.overviewPage.page(principal));
  }

  @Get('tasks')
  async tasks(@Req() request: Request, @Res() response: Response, @CurrentPrincipal() principal: Principal) {
    await this.sender.send(request, response, this.tasksPage.page(principal, queryOf(request)));
  }

  @Get('find')
  find(@Req() request: Request, @Res() response: Response): void {
    const id = (queryOf(request).get('id') ?? '').trim();
    const isPossible = EVAL_ID.test(id);
    sendTo(
      response,
      isPossible
        ? `/dashboard/tasks/${encodeURIComponent(id)}`
        : withNotice('/dashboard/tasks', 'unknown_task'),
    );
  }

  @Get('tasks/:eval_id')
  async task(
    @EvalId() id: string,
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ) {
    await this.sender.send(request, response, await this.taskPage.page(principal, id, originOf(request)));
  }

  @Get('dead-letters')
  async deadLetters(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ) {
    await this.sender.send(request, response, this.deadLettersPage.page(principal));
  }

  @Get('dead-letters/:group')
  async deadGroup(
    @Param('group') group: string,
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ) {
    await this.sender.send(request, response, this.deadLettersPage.groupPage(principal, group));
  }
}

function queryOf({ url }: Request): URLSearchParams {
  return new URLSearchParams(url.split('?')[1] ?? '');
}

/** The service's origin as the browser sees it. Shown only in the answer to the same request. */
function originOf({ headers }: Request): string {
  const host = headers.host ?? '';
  const scheme = headers['x-forwarded-proto'] === 'https' ? 'https' : 'http';
  return /^[\w.:[\]-]{1,255}$/.test(host) ? `${scheme}://${host}` : '';
}
