import type { Instant } from '../task/clock.js';
import type { Delivery } from './delivery.js';
import type { DeliveryBook } from './delivery-book.js';

/** How many to keep, and for how many milliseconds. */
export interface EndedLimits {
  readonly count: number;
  readonly age: number;
}

interface EndedDelivery {
  readonly id: string;
  readonly endedAt: Instant;
  readonly at: Instant;
}

/** Removals per call: many deliveries that expire together must delay others by one commit at most. */
const REMOVED_AT_ONCE = 200;

/** Ended deliveries in the memory of the delivering process; it removes the oldest when their retention is over. */
export class EndedDeliveries {
  private readonly ended: EndedDelivery[] = [];

  constructor(
    private readonly book: DeliveryBook,
    private readonly limits: EndedLimits,
  ) {}

  add({ id, endedAt = 0 }: Delivery, now: Instant): void {
    // An end in the future was stored under a wrong clock and would extend the retention.
    this.ended.push({ id, endedAt, at: Math.min(endedAt, now) });
  }

  clear(): void {
    this.ended.length = 0;
  }

  /** Removes some expired deliveries; later calls remove the rest. */
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
    // The delivery may have been repeated since.
    if (kept?.delivery.endedAt === endedAt) await this.book.remove(id);
  }
}
