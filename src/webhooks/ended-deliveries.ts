import type { Instant } from '../task/clock.js';
import type { Delivery } from './delivery.js';
import type { DeliveryBook } from './delivery-book.js';

/** How many are kept, and for how long in milliseconds. */
export interface EndedLimits {
  readonly count: number;
  readonly age: number;
}

interface EndedDelivery {
  readonly id: string;
  readonly endedAt: Instant;
  readonly at: Instant;
}

/** Removals of one look: many that end their time together hold up what is to be sent by one commit at most. */
const REMOVED_AT_ONCE = 200;

/** Deliveries that have ended, as the process that delivers knows them: the oldest are forgotten in time. */
export class EndedDeliveries {
  private readonly ended: EndedDelivery[] = [];

  constructor(
    private readonly book: DeliveryBook,
    private readonly limits: EndedLimits,
  ) {}

  add({ id, endedAt = 0 }: Delivery, now: Instant): void {
    // What lies ahead was noted under a wrong clock, and would be kept until then.
    this.ended.push({ id, endedAt, at: Math.min(endedAt, now) });
  }

  clear(): void {
    this.ended.length = 0;
  }

  /** Forgets some of those that are over; the rest with the next calls. */
  async forgetOld(now: Instant): Promise<void> {
    const { count, age } = this.limits;
    const isOver = () => this.ended.length > count || (this.ended[0]?.at ?? Infinity) < now - age;
    const gone: EndedDelivery[] = [];
    while (gone.length < REMOVED_AT_ONCE && isOver()) {
      const oldest = this.ended.shift();
      if (oldest !== undefined) gone.push(oldest);
    }
    await Promise.all(gone.map((each) => this.forget(each)));
  }

  private async forget({ id, endedAt }: EndedDelivery): Promise<void> {
    const kept = await this.book.find(id);
    // It may have been made again since.
    if (kept?.delivery.endedAt === endedAt) await this.book.remove(id);
  }
}
