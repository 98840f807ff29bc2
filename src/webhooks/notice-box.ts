import { Injectable } from '@nestjs/common';
import { DocumentStore } from '../storage/document-store.js';
import { type WebhookMessage, Webhooks } from './webhooks.js';

/** Leaves messages in the store, where the process that delivers finds them. */
@Injectable()
export class NoticeBox extends Webhooks {
  constructor(private readonly documents: DocumentStore) {
    super();
  }

  async send({ id, url, body }: WebhookMessage): Promise<void> {
    // When it is there already it was sent before.
    await this.documents.put('notice', { id, text: JSON.stringify({ url, body }), expected: 0 });
  }
}
