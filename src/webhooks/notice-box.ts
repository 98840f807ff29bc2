import { Injectable } from '@nestjs/common';
import { DocumentStore } from '../storage/document-store.js';
import { WebhookCourier } from './webhook-courier.js';
import type { LeftNotice } from './webhook-intake.js';
import { type WebhookMessage, Webhooks } from './webhooks.js';

/** Stores notices for the process that delivers webhooks. */
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

  /** Requests a delivery again, starting with its first attempt. */
  redeliver(deliveryId: string): Promise<void> {
    return this.leave(`again-${deliveryId}`, { redeliver: deliveryId });
  }

  private async leave(id: string, notice: LeftNotice): Promise<void> {
    // An existing notice is a repetition.
    await this.documents.put('notice', { id, text: JSON.stringify(notice), expected: 0 });
    this.courier.hurry();
  }
}
