import type { WebhookDelivery } from './dto/deliveries.response.js';
import { withoutQuery } from '../config/web-address.js';
import { OWN_ADDRESS } from '../storage/webhook-addresses.js';
import type { Delivery } from './delivery.js';

/** The JSON view of a delivery, without the query of its URL, which may contain a secret. */
export function deliveryView(delivery: Delivery, ownAddress: string | undefined): WebhookDelivery {
  const { id, messageId, to, body, state, createdAt, attempts, nextAt, giveUpAt, endedAt } = delivery;
  const url = to === OWN_ADDRESS ? ownAddress : to;
  return {
    delivery_id: id,
    message_id: messageId,
    status: state,
    url: url === undefined ? null : withoutQuery(url),
    attempts,
    created_at: isoTime(createdAt),
    next_attempt_at: state === 'pending' ? isoTime(nextAt) : null,
    gives_up_at: isoTime(giveUpAt),
    ended_at: endedAt === undefined ? null : isoTime(endedAt),
    last_status: delivery.status ?? null,
    last_error: delivery.error ?? null,
    last_answer: delivery.answer ?? null,
    event: JSON.parse(body) as object,
  };
}

function isoTime(instant: number): string {
  return new Date(instant).toISOString();
}
