import { createHash } from 'node:crypto';
import { allDocuments, type DocumentStore } from '../storage/document-store.js';
import { OWN_ADDRESS } from '../storage/webhook-addresses.js';
import type { OutboxEntry, Outbox } from '../storage/outbox.js';
import type { TaskEvent } from '../task/task-event.js';
import { again, type Delivery, newDelivery } from './delivery.js';
import type { DeliveryBook } from './delivery-book.js';

/** An entry of `WebhookRequests`: a message, or the id of a delivery to repeat. */
export type WebhookRequest =
  { readonly url: string; readonly body: object; readonly source?: string } | { readonly redeliver: string };

export interface IntakeParts {
  readonly documents: DocumentStore;
  readonly outbox: Outbox | undefined;
  readonly book: DeliveryBook;
  readonly lifetimeMs: number;
  /** Whether this process can continue; the next process repeats entries that are not removed yet. */
  readonly mayGoOn: () => boolean;
}

const AT_ONCE = 500;

/**
 * Turns the outbox and the requests into deliveries. It writes the delivery before it removes the entry, so a crash
 * loses none.
 */
export class WebhookIntake {
  private seenVersion: number | undefined;

  constructor(private readonly parts: IntakeParts) {}

  /** Whether entries or requests are waiting. */
  async hasWork(): Promise<boolean> {
    const { outbox, documents } = this.parts;
    if (outbox !== undefined && (await outbox.oldest(1)).length > 0) return true;
    const version = await documents.version('notice');
    if (version === this.seenVersion) return false;
    const { documents: left } = await documents.list('notice', { limit: 1 });
    if (left.length === 0) this.seenVersion = version;
    return left.length > 0;
  }

  /** Takes in all entries and requests; returns deliveries that may be due. Some may have existed before and may have ended. */
  async takePending(now: number): Promise<readonly Delivery[]> {
    return [...(await this.fromOutbox(now)), ...(await this.fromBox(now))];
  }

  private async fromOutbox(now: number): Promise<readonly Delivery[]> {
    const { outbox, book, mayGoOn } = this.parts;
    const taken: Delivery[] = [];
    if (outbox === undefined) return taken;
    for (;;) {
      const entries = await outbox.oldest(AT_ONCE);
      const deliveries = entries.flatMap((entry) => this.deliveriesOf(entry, now));
      await Promise.all(deliveries.map((delivery) => book.add(delivery)));
      taken.push(...deliveries);
      if (!mayGoOn()) return taken;
      await outbox.remove(entries);
      if (entries.length < AT_ONCE) return taken;
    }
  }

  /** One delivery per address, with the same message id. */
  private deliveriesOf({ to, event }: OutboxEntry, now: number): Delivery[] {
    const { id, eval_id, queue: source } = JSON.parse(event) as TaskEvent;
    // Task event ids are unique on one Redis, but not across the nodes of a cluster.
    const messageId = `evt_${id}_${createHash('sha256').update(eval_id).digest('hex').slice(0, 8)}`;
    return to.split(' ').map((address) => {
      const own = address === OWN_ADDRESS;
      const message = {
        id: own ? messageId : `${messageId}_task`,
        messageId,
        to: address,
        body: event,
        source,
      };
      return newDelivery(message, now, this.parts.lifetimeMs);
    });
  }

  private async fromBox(now: number): Promise<readonly Delivery[]> {
    const { documents, mayGoOn } = this.parts;
    const version = await documents.version('notice');
    if (version === this.seenVersion) return [];
    const taken: Delivery[] = [];
    const left = await allDocuments(documents, 'notice');
    if (left.length === 0) this.seenVersion = version;
    const oldestFirst = left.toReversed();
    for (let from = 0; from < left.length && mayGoOn(); from += AT_ONCE) {
      const some = oldestFirst.slice(from, from + AT_ONCE);
      const deliveries = await Promise.all(
        some.map(async ({ id, text, revision }) => {
          const delivery = await this.take(id, JSON.parse(text) as WebhookRequest, now);
          await documents.remove('notice', id, revision);
          return delivery ?? [];
        }),
      );
      taken.push(...deliveries.flat());
    }
    return taken;
  }

  private async take(id: string, request: WebhookRequest, now: number): Promise<Delivery | undefined> {
    const { book, lifetimeMs } = this.parts;
    if (!('redeliver' in request)) {
      const { url: to, body, source } = request;
      const message = { id: `msg_${id}`, messageId: id, to, body: JSON.stringify(body), source };
      const delivery = newDelivery(message, now, lifetimeMs);
      await book.add(delivery);
      return delivery;
    }
    for (;;) {
      const kept = await book.find(request.redeliver);
      if (kept === undefined) return undefined;
      const delivery = again(kept.delivery, now, lifetimeMs);
      // An attempt in flight may write its result first.
      if (await book.replace(delivery, kept.revision)) return delivery;
    }
  }
}
