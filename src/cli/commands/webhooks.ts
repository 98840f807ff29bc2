import type { Redelivery, WebhookDelivery } from '../../client/index.js';
import type { Context } from '../context.js';
import { first } from './read.js';

/** Characters of an answer in a table. */
const LONGEST_ANSWER = 60;

const COLUMNS = {
  DELIVERY: (row: WebhookDelivery) => row.delivery_id,
  STATUS: (row: WebhookDelivery) => row.status,
  EVENT: (row: WebhookDelivery) => (row.event as { readonly type?: string }).type,
  EVAL_ID: (row: WebhookDelivery) => (row.event as { readonly eval_id?: string }).eval_id,
  ATTEMPTS: (row: WebhookDelivery) => row.attempts,
  ANSWER: answerOf,
  NEXT: (row: WebhookDelivery) => row.next_attempt_at,
  URL: (row: WebhookDelivery) => row.url,
};

export interface DeliveriesOptions {
  readonly status?: WebhookDelivery['status'][];
  readonly task?: string;
  readonly limit?: number;
}

/** What came of the last attempt: the status and, for admins, the beginning of the receiver's answer; or the error. */
export function answerOf({
  last_status: status,
  last_error: error,
  last_answer: answer,
}: Pick<WebhookDelivery, 'last_status' | 'last_error' | 'last_answer'>): string | number | null {
  if (status === null) return error;
  const text = (answer ?? '').trim();
  if (text === '') return status;
  const isLong = text.length > LONGEST_ANSWER;
  return `${status} ${isLong ? `${text.slice(0, LONGEST_ANSWER)}…` : text}`;
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
