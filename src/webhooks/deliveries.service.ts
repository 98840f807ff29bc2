import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { cursorAt, numberOf } from '../http/cursor.js';
import { ProblemError } from '../http/problem.error.js';
import { DocumentStore } from '../storage/document-store.js';
import type { Delivery } from './delivery.js';
import { DeliveryBook } from './delivery-book.js';
import { deliveryView } from './delivery.view.js';
import type { DeliveriesQuery } from './dto/deliveries.query.js';
import type { WebhookDelivery, WebhookDeliveryPage } from './dto/deliveries.response.js';
import { WebhookRequests } from './webhook-requests.js';

/** The id form, longer than any that the service issues. */
const DELIVERY_ID = /^[A-Za-z0-9_-]{1,220}$/;

/** Shows deliveries, and delivers them again. */
@Injectable()
export class DeliveriesService {
  private readonly book: DeliveryBook;

  constructor(
    private readonly config: Config,
    private readonly requests: WebhookRequests,
    documents: DocumentStore,
  ) {
    this.book = new DeliveryBook(documents);
  }

  /** Newest first. @throws ProblemError `invalid_request` for a foreign cursor */
  async page(query: DeliveriesQuery): Promise<WebhookDeliveryPage> {
    const before = numberOf('deliveries', query.cursor);
    const page = await this.book.page((delivery) => isWanted(query, delivery), {
      limit: query.limit,
      before,
    });
    const deliveries = page.deliveries.map((delivery) => deliveryView(delivery, this.config.WEBHOOK_URL));
    const next_cursor = page.next === undefined ? null : cursorAt('deliveries', page.next);
    return { deliveries, next_cursor };
  }

  /** @throws ProblemError `delivery_not_found` */
  async find(id: string): Promise<WebhookDelivery> {
    return deliveryView(await this.require(id), this.config.WEBHOOK_URL);
  }

  /** Sends the message again under the same `webhook-id`. @throws ProblemError `delivery_not_found` */
  async redeliver(id: string): Promise<void> {
    await this.require(id);
    await this.requests.redeliver(id);
  }

  private async require(id: string): Promise<Delivery> {
    const kept = DELIVERY_ID.test(id) ? await this.book.find(id) : undefined;
    if (kept !== undefined) return kept.delivery;
    throw new ProblemError(
      'delivery_not_found',
      'There is no such delivery; the service removes ended ones after their retention',
    );
  }
}

function isWanted({ status, eval_id }: DeliveriesQuery, delivery: Delivery): boolean {
  if (status !== undefined && !status.includes(delivery.state)) return false;
  return eval_id === undefined || (JSON.parse(delivery.body) as { eval_id?: string }).eval_id === eval_id;
}
