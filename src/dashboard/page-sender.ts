import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { principalOf } from '../auth/authenticated.request.js';
import type { Principal } from '../auth/principal.js';
import { finishReply } from '../http/raw-reply.js';
import { LiveStreams } from './live-streams.js';
import { type Html, html, type Part } from './parts/html.js';
import { layout } from './parts/layout.js';
import { noticeOf } from './parts/notice.js';
import { SECTIONS } from './sections.js';
import { Sessions } from './session/sessions.js';

export interface Page {
  readonly title: string;
  /** The address of its section. */
  readonly section: string;
  /** Where its stream is to be had, when the page answers a form. */
  readonly address?: string;
  /** What stays as it is: headings, filters, forms. */
  readonly top: Part;
  /**
   * What follows the tasks as they move. It is made once for all that look at the address with the same roles and queues,
   * so nothing else of a request may go into it.
   */
  readonly live?: () => Promise<Html>;
  /** What stays as it is below that. */
  readonly bottom?: Part;
  /** The live part is about this task alone. */
  readonly taskId?: string;
}

/** Nothing from elsewhere and nothing inline, neither script nor style. */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

/** Answers with pages, and with the live part of a page to whoever asks for a stream of it. */
@Injectable()
export class PageSender {
  constructor(
    private readonly streams: LiveStreams,
    private readonly sessions: Sessions,
  ) {}

  async send(request: Request, response: Response, page: Page): Promise<void> {
    const { live, taskId } = page;
    if (live !== undefined && wantsStream(request)) {
      const sight = sightOf(principalOf(request));
      const isAllowed = async () => sightOf(await this.sessions.principalOf(request)) === sight;
      this.streams.open(response, {
        key: `${sight} ${request.originalUrl}`,
        render: live,
        taskId,
        isAllowed,
      });
      return;
    }
    const content = html`${noticeOf(request.url)} ${page.top}
    ${live === undefined ? null : liveBox(page.address ?? request.originalUrl, await live())} ${page.bottom}`;
    this.sendFrame(request, response, { ...page, content, status: 200 });
  }

  /** A page without a live part: an error, for one. */
  sendFrame(
    request: Request,
    response: Response,
    page: { title: string; section: string; content: Part; status: number },
  ): void {
    const { principal } = request as { principal?: Principal };
    const { isOpen } = this.sessions;
    sendHtml(response, page.status, layout({ ...page, sections: SECTIONS, principal, isOpen }));
  }
}

export function sendHtml(response: Response, status: number, { text }: Html): void {
  response.statusCode = status;
  response.setHeader('Content-Security-Policy', POLICY);
  // Not no-referrer: a form would then say that it comes from nowhere.
  response.setHeader('Referrer-Policy', 'same-origin');
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.end(text);
  finishReply(response);
}

/** See Other: the page that shows what came of an action. */
export function sendTo(response: Response, address: string): void {
  response.statusCode = 303;
  response.setHeader('Location', address);
  response.setHeader('Content-Length', 0);
  response.end();
}

function wantsStream({ headers }: Request): boolean {
  return headers['hx-request'] === 'true' && (headers.accept ?? '').includes('text/event-stream');
}

/** Those who may see the same see the same at the same address. */
function sightOf(principal: Principal | undefined): string | undefined {
  return principal && JSON.stringify([principal.roles, principal.queues]);
}

function liveBox(address: string, content: Html): Html {
  return html`<div id="live" hx-sse:connect="${address}" hx-swap="innerMorph">${content}</div>`;
}
