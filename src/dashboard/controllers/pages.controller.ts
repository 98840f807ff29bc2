import { Controller, Get, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Public } from '../../auth/access.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { prefixOfRequest } from '../../http/public-path.js';
import { sendJson } from '../../http/raw-reply.js';
import { EVAL_ID } from '../../queue/dto/limits.js';
import { EvalId } from '../../queue/eval-id.decorator.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { PageSender, sendTo } from '../page-sender.js';
import { DeadLettersPage } from '../pages/dead-letters.page.js';
import { OverviewPage } from '../pages/overview.page.js';
import { TaskPage } from '../pages/task.page.js';
import { TasksPage } from '../pages/tasks.page.js';
import { periodIn } from '../pages/timeline-part.js';
import { searchQuery } from '../search-text.js';
import { SessionGuard } from '../session/session.guard.js';
import { Suggestions } from '../suggestions.js';

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
    private readonly suggestions: Suggestions,
  ) {}

  @Get()
  async overview(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ) {
    await this.sender.send(request, response, this.overviewPage.page(principal, periodIn(queryOf(request))));
  }

  @Get('tasks')
  async tasks(@Req() request: Request, @Res() response: Response, @CurrentPrincipal() principal: Principal) {
    await this.sender.send(request, response, await this.tasksPage.page(principal, queryOf(request)));
  }

  /** The search box: a task when the text is its id, else the list of what matches. */
  @Get('find')
  async find(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    const text = (queryOf(request).get('q') ?? '').trim();
    const isTask = EVAL_ID.test(text) && (await this.suggestions.isTask(principal, text));
    const query = searchQuery(text).toString();
    sendTo(
      response,
      isTask ? `/dashboard/tasks/${encodeURIComponent(text)}` : `/dashboard/tasks${query && `?${query}`}`,
    );
  }

  /** Values for a field of the search box, as JSON. */
  @Get('suggest')
  async suggest(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ): Promise<void> {
    const query = queryOf(request);
    const start = (query.get('start') ?? '').slice(0, 128);
    sendJson(
      response,
      200,
      JSON.stringify(await this.suggestions.of(principal, query.get('field') ?? '', start)),
    );
  }

  @Get('tasks/:eval_id')
  async task(
    @EvalId() id: string,
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ) {
    await this.sender.send(request, response, await this.taskPage.page(principal, id, baseOf(request)));
  }

  @Get('dead-letters')
  async deadLetters(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentPrincipal() principal: Principal,
  ) {
    await this.sender.send(request, response, this.deadLettersPage.page(principal));
  }
}

function queryOf({ url }: Request): URLSearchParams {
  return new URLSearchParams(url.split('?')[1] ?? '');
}

/** The service's address as the browser sees it. Shown only in the answer to the same request. */
function baseOf(request: Request): string {
  const { headers } = request;
  const host = headers.host ?? '';
  const scheme = headers['x-forwarded-proto'] === 'https' ? 'https' : 'http';
  return /^[\w.:[\]-]{1,255}$/.test(host) ? `${scheme}://${host}${prefixOfRequest(request)}` : '';
}
