import { Injectable } from '@nestjs/common';
import { hasRole, type Principal } from '../../auth/principal.js';
import { Clock, type Instant } from '../../task/clock.js';
import { DELIVERY_STATES } from '../../webhooks/delivery.js';
import { DeliveriesService } from '../../webhooks/deliveries.service.js';
import { DeliveriesQuery } from '../../webhooks/dto/deliveries.query.js';
import type { WebhookDelivery } from '../../webhooks/dto/deliveries.response.js';
import type { Page } from '../page-sender.js';
import { badge, card, type Column, emptyState, facts, foreign, orNone, table } from '../parts/components.js';
import { ago, excerpt, moment, number } from '../parts/format.js';
import { type Html, html, type Part } from '../parts/html.js';
import { textBox } from '../parts/text-box.js';
import { jsonBox } from '../parts/json-box.js';
import { requireRole } from '../session/require-role.js';

const PAGE_SIZE = 50;
const ERROR_LENGTH = 160;

/** Deliveries of webhooks. As in the API, only admins see them: they name receivers in all queues. */
@Injectable()
export class WebhooksPage {
  constructor(
    private readonly deliveries: DeliveriesService,
    private readonly clock: Clock,
  ) {}

  page(principal: Principal, query: URLSearchParams): Page {
    const frame = { title: 'Webhooks', section: '/dashboard/webhooks' };
    if (!hasRole(principal, [])) {
      return {
        ...frame,
        top: html`<h1>Webhooks</h1>
          <p class="hint">Only keys with the role admin see deliveries.</p>`,
      };
    }
    const state = DELIVERY_STATES.find((one) => one === query.get('status'));
    const cursor = query.get('cursor') ?? undefined;
    return {
      ...frame,
      top: html`<h1>Webhooks</h1>
        <nav class="tabs" aria-label="States">
          <a href="/dashboard/webhooks" aria-current="${state === undefined ? 'true' : 'false'}">All</a>
          ${DELIVERY_STATES.map(
            (one) =>
              html`<a
                href="/dashboard/webhooks?status=${one}"
                aria-current="${one === state ? 'true' : 'false'}"
                >${one}</a
              >`,
          )}
        </nav>`,
      live: () => this.render(state, cursor),
    };
  }

  /** One delivery with its message and the receiver's answer. @throws ProblemError `delivery_not_found`, `forbidden` */
  async deliveryPage(principal: Principal, id: string): Promise<Page> {
    requireRole(principal, 'admin');
    const delivery = await this.deliveries.find(id);
    return {
      title: `Webhook ${delivery.message_id}`,
      section: '/dashboard/webhooks',
      top: html`<p class="crumbs"><a href="/dashboard/webhooks">Webhooks</a></p>
        <h1 class="id">${delivery.message_id}</h1>
        <form class="actions" method="post" action="/dashboard/webhooks/${encodeURIComponent(id)}/redeliver">
          <button type="submit">Send again</button>
          <span class="hint">Sends it at once, under the same <code>webhook-id</code>.</span>
        </form>`,
      live: async () => detailsOf(await this.deliveries.find(id)),
    };
  }

  private async render(state: (typeof DELIVERY_STATES)[number] | undefined, cursor: string | undefined) {
    const query = Object.assign(new DeliveriesQuery(), {
      status: state === undefined ? undefined : [state],
      limit: PAGE_SIZE,
      cursor,
    });
    const page = await this.deliveries.page(query);
    const next = new URLSearchParams({ ...(state && { status: state }), cursor: page.next_cursor ?? '' });
    return html`${card(
      'Newest first',
      table({
        caption: 'Deliveries, newest first',
        columns: columnsAt(this.clock.now().wall),
        rows: page.deliveries,
        empty: emptyState(
          'No deliveries',
          html`Set a <code>callback_url</code> on a task or batch, or the setting <code>WEBHOOK_URL</code>.`,
        ),
      }),
    )}
    ${
      page.next_cursor !== null &&
      html`<nav class="pager" aria-label="Pages">
        <a class="button" href="/dashboard/webhooks?${next.toString()}">Older deliveries</a>
      </nav>`
    }`;
  }
}

function columnsAt(now: Instant): readonly Column<WebhookDelivery>[] {
  return [
    {
      title: 'Message',
      isMain: true,
      cell: ({ delivery_id: id, message_id, event }) =>
        html`<a class="id" href="/dashboard/webhooks/${encodeURIComponent(id)}">${message_id}</a>
          <span class="under">${aboutOf(event)}</span>`,
    },
    { title: 'State', cell: ({ status }) => badge(status) },
    { title: 'Receiver', cell: ({ url }) => orNone(url && foreign(url)) },
    { title: 'Attempts', isNumber: true, cell: ({ attempts }) => number(attempts) },
    { title: 'Recorded', isNumber: true, cell: ({ created_at }) => ago(Date.parse(created_at), now) },
    {
      title: 'Next',
      isNumber: true,
      cell: ({ next_attempt_at: next }) => orNone(next && ago(Date.parse(next), now)),
    },
    { title: 'Answer', isLong: true, cell: answerOf },
  ];
}

function aboutOf(event: object): Part {
  const { type, eval_id, batch_id } = event as { type?: unknown; eval_id?: unknown; batch_id?: unknown };
  const about = eval_id ?? batch_id;
  return html`${typeof type === 'string' && type} ${typeof about === 'string' && foreign(about)}`;
}

function answerOf({ last_status, last_error }: WebhookDelivery): Part {
  if (last_error !== null) return foreign(excerpt(last_error, ERROR_LENGTH));
  return orNone(last_status === null ? undefined : `HTTP ${last_status}`);
}

function detailsOf(delivery: WebhookDelivery): Html {
  const { next_attempt_at: next, ended_at: ended } = delivery;
  return html`${card(
    'Delivery',
    facts([
      ['State', badge(delivery.status)],
      ['Receiver', orNone(delivery.url && foreign(delivery.url))],
      ['Attempts', number(delivery.attempts)],
      ['Recorded', moment(Date.parse(delivery.created_at))],
      ['Next attempt', orNone(next && moment(Date.parse(next)))],
      ['Gives up', moment(Date.parse(delivery.gives_up_at))],
      ['Ended', orNone(ended && moment(Date.parse(ended)))],
      ['Answer', answerOf(delivery)],
    ]),
  )}
  ${delivery.last_answer !== null && card('Answer of the receiver', textBox(delivery.last_answer), 'the first 1,024 bytes')}
  ${card('Message', jsonBox('message', JSON.stringify(delivery.event)))}`;
}
