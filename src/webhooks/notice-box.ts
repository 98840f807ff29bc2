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
  async redeliver(deliveryId: string): Promise<void> {
    const id = `again-${deliveryId}`;
    // The courier may have handled an existing notice just now. The new revision keeps it from removing this request.
    let expected: number;
    do expected = (await this.documents.get('notice', id))?.revision ?? 0;
    while ((await this.put(id, { redeliver: deliveryId }, expected)) === undefined);
    this.courier.hurry();
  }

  private async leave(id: string, notice: LeftNotice): Promise<void> {
    // An existing notice is a repetition.
    await this.put(id, notice, 0);
    this.courier.hurry();
  }

  private put(id: string, notice: LeftNotice, expected: number): Promise<number | undefined> {
    return this.documents.put('notice', { id, text: JSON.stringify(notice), expected });
  }
}
