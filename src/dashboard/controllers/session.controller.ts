import { Controller, Get, Post, Req, Res, UseFilters } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Public } from '../../auth/access.decorator.js';
import { sendReply } from '../../docs/reply.js';
import { ProblemError } from '../../http/problem.error.js';
import { PROBLEMS } from '../../http/problems.js';
import { AssetFiles } from '../asset-files.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { readForm } from '../form-reader.js';
import { sendHtml, sendTo } from '../page-sender.js';
import { signInPage } from '../pages/sign-in.page.js';
import { isSameOrigin } from '../session/same-origin.js';
import { clearCookie, setCookie } from '../session/session-cookie.js';
import { SESSION_LENGTH, Sessions } from '../session/sessions.js';

/** Only addresses within the dashboard, so that a crafted link cannot redirect to another site. */
const NEXT = /^\/dashboard(?:[/?][\w/?=&%.:,+~-]*)?$/;

/** Routes without a session: sign-in and the files of the pages. */
@ApiExcludeController()
@Controller('dashboard')
@Public()
@UseFilters(DashboardFilter)
export class SessionController {
  constructor(
    private readonly sessions: Sessions,
    private readonly files: AssetFiles,
  ) {}

  @Get('sign-in')
  form(@Req() request: Request, @Res() response: Response): void {
    const next = nextOf(new URLSearchParams(request.url.split('?')[1] ?? '').get('next'));
    if (this.sessions.isOpen) sendTo(response, next);
    else sendHtml(response, 200, signInPage(next));
  }

  @Post('sign-in')
  async signIn(@Req() request: Request, @Res() response: Response): Promise<void> {
    requireSameOrigin(request);
    const form = await readForm(request, response);
    const next = nextOf(form.get('next'));
    try {
      setCookie(response, await this.sessions.begin(request, form.get('key') ?? ''), SESSION_LENGTH);
      sendTo(response, next);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      sendHtml(response, PROBLEMS[error.code].status, signInPage(next, error.detail));
    }
  }

  @Post('sign-out')
  async signOut(@Req() request: Request, @Res() response: Response): Promise<void> {
    requireSameOrigin(request);
    clearCookie(response);
    await this.sessions.end(request);
    sendTo(response, '/dashboard/sign-in');
  }

  @Get('assets/:file')
  async asset(@Req() request: Request, @Res() response: Response): Promise<void> {
    const file = await this.files.find(String(request.params.file));
    if (file === undefined)
      throw new ProblemError('not_found', 'There is no such file; npm run build creates it');
    sendReply(request, response, file);
  }
}

function requireSameOrigin(request: Request): void {
  if (!isSameOrigin(request)) throw new ProblemError('forbidden', 'This request came from another site');
}

function nextOf(text: string | null): string {
  return text !== null && NEXT.test(text) ? text : '/dashboard';
}
