import { type Instant, isAhead } from '../task/clock.js';
import type { Reply } from './webhook-sender.js';

export const DELIVERY_STATES = ['pending', 'delivered', 'parked'] as const;

export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** One message for one address, and what became of it. */
export interface Delivery {
  readonly id: string;
  /** What the receiver knows the message by. */
  readonly messageId: string;
  /** The address, or `*` for the one that the settings name. */
  readonly to: string;
  /** What is sent: JSON. */
  readonly body: string;
  readonly state: DeliveryState;
  readonly createdAt: Instant;
  readonly attempts: number;
  /** When the next attempt is due. */
  readonly nextAt: Instant;
  /** When it is given up. */
  readonly giveUpAt: Instant;
  /** When the last attempt was made; absent in a delivery of an older version. */
  readonly triedAt?: Instant;
  /** Whose message it is: a queue. Deliveries take turns by it. */
  readonly source?: string;
  readonly endedAt?: Instant;
  /** Of the last attempt. */
  readonly status?: number;
  readonly error?: string;
}

export interface RetryRule {
  /** How long a message is tried, in milliseconds. */
  readonly lifetimeMs: number;
  /** From 0 up to 1. */
  readonly random: number;
}

const FIRST_WAIT_MS = 5_000;
const LONGEST_WAIT_MS = 3_600_000;
const JITTER = 0.2;
/** The receiver says that it is gone for good. */
const GONE = 410;

/** A delivery that nobody has tried yet. */
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

/** What a delivery is after an attempt. */
export function attempted(
  delivery: Delivery,
  reply: Reply,
  { now, random }: { now: Instant; random: number },
): Delivery {
  const { status, error } = reply;
  const tried = { ...delivery, attempts: delivery.attempts + 1, triedAt: now, status, error };
  if (status !== undefined && status >= 200 && status < 300)
    return { ...tried, state: 'delivered', endedAt: now };
  const wait = Math.max(backoff(tried.attempts, random), retryAfterMs(reply.retryAfter, now));
  const isOver = status === GONE || now >= delivery.giveUpAt;
  if (isOver) return { ...tried, state: 'parked', endedAt: now };
  // The last attempt is made at the end of its time, not left out.
  return { ...tried, nextAt: Math.min(now + wait, delivery.giveUpAt) };
}

/** Ended without an attempt: its address is gone. */
export function parked(delivery: Delivery, now: Instant, error: string): Delivery {
  return { ...delivery, state: 'parked', endedAt: now, error };
}

/** Once more from the beginning, under the same message id. */
export function again(delivery: Delivery, now: Instant, lifetimeMs: number): Delivery {
  const { endedAt: _, status: __, error: ___, ...rest } = delivery;
  return { ...rest, state: 'pending', attempts: 0, nextAt: now, giveUpAt: now + lifetimeMs };
}

/**
 * The delivery, if its moments can be; else with moments of now. Under a clock that was ahead its next attempt was put off
 * until that time.
 */
export function believable(delivery: Delivery, now: Instant, lifetimeMs: number): Delivery {
  const { createdAt, triedAt, giveUpAt, nextAt } = delivery;
  const isNotedAhead = isAhead(createdAt, now) || isAhead(triedAt, now);
  if (!isNotedAhead && !isAhead(giveUpAt, now + lifetimeMs)) return delivery;
  return {
    ...delivery,
    nextAt: Math.min(nextAt, now),
    giveUpAt: Math.min(giveUpAt, now + lifetimeMs),
  };
}

/** Doubles from 5 s to an hour; longer by up to a fifth, so that those which failed together do not come together. */
function backoff(attempts: number, random: number): number {
  const wait = Math.min(FIRST_WAIT_MS * 2 ** (attempts - 1), LONGEST_WAIT_MS);
  return Math.round(wait * (1 + JITTER * random));
}

/** Seconds or a date, as RFC 9110 has it; anything else is no wish. */
function retryAfterMs(text: string | undefined, now: Instant): number {
  if (text === undefined) return 0;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? 0 : date - now;
}
