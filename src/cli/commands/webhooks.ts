import type { Redelivery, WebhookDelivery } from '../../client/index.js';
import type { Context } from '../context.js';
import { first } from './read.js';

const COLUMNS = {
  DELIVERY: (row: WebhookDelivery) => row.delivery_id,
  STATUS: (row: WebhookDelivery) => row.status,
  EVENT: (row: WebhookDelivery) => (row.event as { readonly type?: string }).type,
  EVAL_ID: (row: WebhookDelivery) => (row.event as { readonly eval_id?: string }).eval_id,
  ATTEMPTS: (row: WebhookDelivery) => row.attempts,
  ANSWER: (row: WebhookDelivery) => row.last_status ?? row.last_error,
  NEXT: (row: WebhookDelivery) => row.next_attempt_at,
  URL: (row: WebhookDelivery) => row.url,
};

export interface DeliveriesOptions {
  readonly status?: WebhookDelivery['status'][];
  readonly task?: string;
  readonly limit?: number;
}

/** `webhooks`: lists deliveries, newest first. */
export async function listDeliveries(options: DeliveriesOptions, context: Context): Promise<void> {
  const { status, task, limit } = options;
  await context.list().rows(COLUMNS, first(limit, context.client.webhooks.list({ status, eval_id: task })));
}

/** `webhooks redeliver`: sends messages again, in order, and stops at the first that is unknown. */
export async function redeliver(ids: readonly string[], context: Context): Promise<void> {
  const columns = {
    DELIVERY: (row: Redelivery) => row.delivery_id,
    STATUS: (row: Redelivery) => row.status,
  };
  const sent = async function* (): AsyncGenerator<Redelivery> {
    for (const id of ids) yield await context.client.webhooks.redeliver(id);
  };
  await context.list().rows(columns, sent());
}
