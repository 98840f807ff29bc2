import { Injectable } from '@nestjs/common';
import { DocumentStore } from '../storage/document-store.js';
import { WebhookCourier } from './webhook-courier.js';
import type { WebhookRequest } from './webhook-intake.js';
import { type WebhookMessage, Webhooks } from './webhooks.js';

/** Stores requests for the process that delivers webhooks. */
@Injectable()
export class WebhookRequests extends Webhooks {
  constructor(
    private readonly documents: DocumentStore,
    private readonly courier: WebhookCourier,
  ) {
    super();
  }

  send({ id, url, body, source }: WebhookMessage): Promise<void> {
    return this.leave(id, { url, body, source });
  }

  /** Requests a delivery again, starting with its first attempt. */
  async redeliver(deliveryId: string): Promise<void> {
    const id = `again-${deliveryId}`;
    // The courier may have handled an existing request just now. The new revision keeps it from removing this one.
    let expected: number;
    do expected = (await this.documents.get('notice', id))?.revision ?? 0;
    while ((await this.put(id, { redeliver: deliveryId }, expected)) === undefined);
    this.courier.checkSoon();
  }

  private async leave(id: string, request: WebhookRequest): Promise<void> {
    // An existing request is a repetition.
    await this.put(id, request, 0);
    this.courier.checkSoon();
  }

  private put(id: string, request: WebhookRequest, expected: number): Promise<number | undefined> {
    return this.documents.put('notice', { id, text: JSON.stringify(request), expected });
  }
}
