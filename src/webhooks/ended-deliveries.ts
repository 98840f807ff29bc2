import type { Instant } from '../task/clock.js';
import type { Delivery } from './delivery.js';
import type { DeliveryBook } from './delivery-book.js';

/** How many are kept, and for how long in milliseconds. */
export interface EndedLimits {
  readonly count: number;
  readonly age: number;
}

/** Deliveries that have ended, as the process that delivers knows them: the oldest are forgotten in time. */
export class EndedDeliveries {
  private readonly ended: { readonly id: string; readonly endedAt: Instant; readonly at: Instant }[] = [];

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

  async forgetOld(now: Instant): Promise<void> {
    const { count, age } = this.limits;
    const isOver = () => this.ended.length > count || (this.ended[0]?.at ?? Infinity) < now - age;
    while (isOver()) {
      const gone = this.ended.shift();
      const kept = gone && (await this.book.find(gone.id));
      // It may have been made again since.
      if (gone && kept?.delivery.endedAt === gone.endedAt) await this.book.remove(gone.id);
    }
  }
}
