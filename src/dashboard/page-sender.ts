import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { principalOf } from '../auth/authenticated-request.js';
import type { Principal } from '../auth/principal.js';
import { publicPage, publicPath } from '../http/public-path.js';
import { finishReply } from '../http/raw-reply.js';
import { LiveStreams } from './live-streams.js';
import { type Html, html, type Part } from './parts/html.js';
import { layout } from './parts/layout.js';
import { noticeOf } from './parts/notice.js';
import { SECTIONS } from './sections.js';
import { Sessions } from './session/sessions.js';

export interface Page {
  readonly title: string;
  /** Address of the page's section. */
  readonly section: string;
  /** Content of the search box. */
  readonly search?: string;
  /** Address of the page's stream, when the page answers a form. */
  readonly address?: string;
  /** Static content: headings, filters, forms. */
  readonly top: Part;
  /**
   * Content that follows the tasks. All viewers of the address with the same roles and queues share one rendering, so
   * it must not depend on other parts of the request.
   */
  readonly live?: () => Promise<Html>;
  /** Static content below the live part. */
  readonly bottom?: Part;
  /** Whether the live part changes without transitions, so that it must be rendered every second. */
  readonly isRestless?: () => Promise<boolean>;
  /** The live part shows only this task. */
  readonly taskId?: string;
}

/** No content from other origins, and no inline script or style. */
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

/** Sends pages, and streams of their live parts. */
@Injectable()
export class PageSender {
  constructor(
    private readonly streams: LiveStreams,
    private readonly sessions: Sessions,
  ) {}

  async send(request: Request, response: Response, page: Page): Promise<void> {
    const { live, taskId, isRestless } = page;
    if (live !== undefined && wantsStream(request)) {
      const sight = sightOf(principalOf(request));
      const isAllowed = async () => sightOf(await this.sessions.principalOf(request)) === sight;
      this.streams.open(response, {
        key: `${sight} ${request.originalUrl}`,
        render: live,
        taskId,
        isRestless,
        isAllowed,
      });
      return;
    }
    const content = html`${noticeOf(request.url)} ${page.top}
    ${live === undefined ? null : liveBox(page.address ?? request.originalUrl, await live())} ${page.bottom}`;
    this.sendFrame(request, response, { ...page, content, status: 200 });
  }

  /** Sends a page without a live part, such as an error. */
  sendFrame(
    request: Request,
    response: Response,
    page: { title: string; section: string; content: Part; status: number; search?: string },
  ): void {
    const { principal } = request as { principal?: Principal };
    const { isOpen } = this.sessions;
    sendHtml(response, page.status, layout({ ...page, sections: SECTIONS, principal, isOpen }));
  }
}

export function sendHtml(response: Response, status: number, page: Html): void {
  const text = publicPage(response.req, page.text);
  response.statusCode = status;
  response.setHeader('Content-Security-Policy', POLICY);
  // Not no-referrer: forms would then send no origin.
  response.setHeader('Referrer-Policy', 'same-origin');
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.end(text);
  finishReply(response);
}

/**
 * Redirects with 303 See Other to the page that shows the result of an action.
 *
 * @param address a path of the service, without the prefix of a proxy
 */
export function sendTo(response: Response, address: string): void {
  response.statusCode = 303;
  response.setHeader('Location', publicPath(response.req, address));
  response.setHeader('Content-Length', 0);
  response.end();
}

function wantsStream({ headers }: Request): boolean {
  return headers['hx-request'] === 'true' && (headers.accept ?? '').includes('text/event-stream');
}

/** Viewers with the same access get the same content at the same address. */
function sightOf(principal: Principal | undefined): string | undefined {
  return principal && JSON.stringify([principal.roles, principal.queues]);
}

function liveBox(address: string, content: Html): Html {
  return html`<div id="live" hx-sse:connect="${address}" hx-swap="innerMorph">${content}</div>`;
}
