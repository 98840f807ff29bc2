import type { Redelivery, WebhookDelivery, WebhookDeliveryPage } from './api.generated.js';
import { objectWith } from './answers.js';
import type { Send } from './long-poll.js';
import { itemsOf, type Page } from './pages.js';
import { pathTo } from './paths.js';
import type { CallOptions } from './transport.js';

export interface DeliveryFilter {
  readonly status?: readonly WebhookDelivery['status'][];
  readonly eval_id?: string;
}

/** Calls on the deliveries of webhooks. */
export class WebhookCalls {
  constructor(private readonly send: Send) {}

  /** Lists deliveries page by page, newest first. The service keeps ended ones for a while. */
  list(filter: DeliveryFilter = {}, { signal }: CallOptions = {}): AsyncGenerator<WebhookDelivery, void> {
    const read = objectWith<WebhookDeliveryPage>({ deliveries: 'array' });
    const page: Page<WebhookDeliveryPage> = (cursor) =>
      this.send({ method: 'GET', path: 'webhooks/deliveries', query: { ...filter, cursor }, signal }, read);
    return itemsOf(page, ({ deliveries }) => deliveries);
  }

  /** Sends the message again under the same `webhook-id`. @throws NotFound */
  async redeliver(id: string, { signal }: CallOptions = {}): Promise<Redelivery> {
    const path = pathTo('webhooks', 'deliveries', id, 'redeliver');
    const read = objectWith<Redelivery>({ delivery_id: 'string' });
    return this.send({ method: 'POST', path, body: {}, signal }, read);
  }
}
