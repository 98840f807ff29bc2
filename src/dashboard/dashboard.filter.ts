import { type ArgumentsHost, Catch } from '@nestjs/common';
import type { Request, Response } from 'express';
import { ProblemError } from '../http/problem.error.js';
import { ProblemFilter } from '../http/problem.filter.js';
import { sendProblem } from '../http/problem-writer.js';
import { PROBLEMS } from '../http/problems.js';
import { publicPath } from '../http/public-path.js';
import { PageSender, sendTo } from './page-sender.js';
import { html } from './parts/html.js';
import { SignInNeeded } from './session/sign-in-needed.error.js';

/** Answers errors with a page, and requests without a session with a redirect to sign-in. */
@Catch()
export class DashboardFilter extends ProblemFilter {
  constructor(private readonly pages: PageSender) {
    super();
  }

  override catch(exception: unknown, host: ArgumentsHost): void {
    if (exception instanceof SignInNeeded) this.sendToSignIn(exception, host);
    else super.catch(exception, host);
  }

  protected override send(request: Request, response: Response, problem: ProblemError): void {
    if (response.headersSent || response.destroyed) return;
    const { status, title } = PROBLEMS[problem.code];
    const content = html`<div class="empty error">
      <h1>${title}</h1>
      <p>${problem.detail}.</p>
      <p><a href="/dashboard">Go to the overview</a></p>
    </div>`;
    this.pages.sendFrame(request, response, { title, section: '', content, status });
  }

  /** An event stream would follow the redirect and show the sign-in page as its content. */
  private sendToSignIn({ next }: SignInNeeded, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const response = http.getResponse<Response>();
    const request = http.getRequest<Request>();
    const signIn = `/dashboard/sign-in?next=${encodeURIComponent(next)}`;
    if (request.headers['hx-request'] !== 'true') {
      sendTo(response, signIn);
      return;
    }
    response.setHeader('HX-Redirect', publicPath(request, signIn));
    sendProblem(request, response, new ProblemError('unauthorized', 'The session has ended'));
  }
}
