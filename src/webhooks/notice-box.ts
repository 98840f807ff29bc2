import { Injectable } from '@nestjs/common';
import { DocumentStore } from '../storage/document-store.js';
import { WebhookCourier } from './webhook-courier.js';
import type { LeftNotice } from './webhook-intake.js';
import { type WebhookMessage, Webhooks } from './webhooks.js';

/** Leaves messages in the store, where the process that delivers finds them. */
@Injectable()
export class NoticeBox extends Webhooks {
  constructor(
    private readonly documents: DocumentStore,
    private readonly courier: WebhookCourier,
  ) {
    super();
  }

  send({ id, url, body, source }: WebhookMessage): Promise<void> {
    return this.leave(id, { url, body, source });
  }

  /** Has a delivery made again, from the first attempt on. */
  redeliver(deliveryId: string): Promise<void> {
    return this.leave(`again-${deliveryId}`, { redeliver: deliveryId });
  }

  private async leave(id: string, notice: LeftNotice): Promise<void> {
    // When it is there already it was sent before.
    await this.documents.put('notice', { id, text: JSON.stringify(notice), expected: 0 });
    this.courier.hurry();
  }
}
