import { type Instant, isAhead } from '../task/clock.js';
import type { Reply } from './webhook-sender.js';

export const DELIVERY_STATES = ['pending', 'delivered', 'parked'] as const;

export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** One message to one address, with its outcome. */
export interface Delivery {
  readonly id: string;
  /** The id of the message for the receiver. */
  readonly messageId: string;
  /** The URL, or `*` for `WEBHOOK_URL`. */
  readonly to: string;
  /** The JSON text to send. */
  readonly body: string;
  readonly state: DeliveryState;
  readonly createdAt: Instant;
  readonly attempts: number;
  /** When the next attempt is due. */
  readonly nextAt: Instant;
  /** When the retries end. */
  readonly giveUpAt: Instant;
  /** When the last attempt was made; absent in deliveries of older versions. */
  readonly triedAt?: Instant;
  /** The queue of the message. Deliveries of different queues take turns. */
  readonly source?: string;
  readonly endedAt?: Instant;
  /** The status of the last attempt. */
  readonly status?: number;
  readonly error?: string;
  /** The beginning of the answer to the last attempt. */
  readonly answer?: string;
}

export interface RetryRule {
  /** Milliseconds until the retries end. */
  readonly lifetimeMs: number;
  /** From 0 up to 1. */
  readonly random: number;
}

const FIRST_WAIT_MS = 5_000;
const LONGEST_WAIT_MS = 3_600_000;
const JITTER = 0.2;
/** The receiver wants no further webhooks. */
const GONE = 410;

/** A delivery without attempts. */
export function newDelivery(
  message: Pick<Delivery, 'id' | 'messageId' | 'to' | 'body' | 'source'>,
  now: Instant,
  lifetimeMs: number,
): Delivery {
  return {
    ...message,
    state: 'pending',
    createdAt: now,
    attempts: 0,
    nextAt: now,
    giveUpAt: now + lifetimeMs,
  };
}

/** The delivery after an attempt. */
export function attempted(
  delivery: Delivery,
  reply: Reply,
  { now, random }: { now: Instant; random: number },
): Delivery {
  const { status, error, text: answer } = reply;
  const tried = { ...delivery, attempts: delivery.attempts + 1, triedAt: now, status, error, answer };
  if (status !== undefined && status >= 200 && status < 300)
    return { ...tried, state: 'delivered', endedAt: now };
  const wait = Math.max(backoff(tried.attempts, random), retryAfterMs(reply.retryAfter, now));
  const isOver = status === GONE || now >= delivery.giveUpAt;
  if (isOver) return { ...tried, state: 'parked', endedAt: now };
  // The last attempt happens at the end of the retry period.
  return { ...tried, nextAt: Math.min(now + wait, delivery.giveUpAt) };
}

/** Ended without an attempt, because its address answered 410 to another delivery. */
export function parked(delivery: Delivery, now: Instant, error: string): Delivery {
  return { ...delivery, state: 'parked', endedAt: now, error };
}

/** Restarts the attempts under the same message id. */
export function again(delivery: Delivery, now: Instant, lifetimeMs: number): Delivery {
  const { endedAt: _, status: __, error: ___, answer: ____, ...rest } = delivery;
  return { ...rest, state: 'pending', attempts: 0, nextAt: now, giveUpAt: now + lifetimeMs };
}

/**
 * The delivery with times in the future replaced by now: a wrong clock stored them and would delay the next attempt
 * until then.
 */
export function plausible(delivery: Delivery, now: Instant, lifetimeMs: number): Delivery {
  const { createdAt, triedAt, giveUpAt, nextAt } = delivery;
  const isNotedAhead = isAhead(createdAt, now) || isAhead(triedAt, now);
  if (!isNotedAhead && !isAhead(giveUpAt, now + lifetimeMs)) return delivery;
  return {
    ...delivery,
    nextAt: Math.min(nextAt, now),
    giveUpAt: Math.min(giveUpAt, now + lifetimeMs),
  };
}

/** Doubles from 5 s to an hour, plus up to a fifth at random, so that deliveries do not retry at once. */
function backoff(attempts: number, random: number): number {
  const wait = Math.min(FIRST_WAIT_MS * 2 ** (attempts - 1), LONGEST_WAIT_MS);
  return Math.round(wait * (1 + JITTER * random));
}

/** Parses seconds or a date (RFC 9110); other text means no delay. */
function retryAfterMs(text: string | undefined, now: Instant): number {
  if (text === undefined) return 0;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? 0 : date - now;
}
