import { StoreUnavailable } from '../storage/task-store.js';
import type { Instant } from '../task/clock.js';
import type { Delivery } from './delivery.js';

/** Attempts at one address at the same time: one that is slow or dead leaves room for the others. */
const AT_ONE_ADDRESS = 4;
const AT_ONCE = 64;

interface Waiting {
  readonly to: string;
  readonly at: Instant;
}

/** Makes an attempt. Gives the delivery when there will be another one, `undefined` when it has ended. */
type Deliver = (id: string) => Promise<Delivery | undefined>;

/** Deliveries that wait for their time, and those that are under way. */
export class DueDeliveries {
  private readonly waiting = new Map<string, Waiting>();
  private readonly underWay = new Map<string, Promise<void>>();
  private readonly busy = new Map<string, number>();
  /** Due ones by address, as of the last start. */
  private ready = new Map<string, string[]>();

  /** @param failed is told of an error that is not the store's being away */
  constructor(
    private readonly deliver: Deliver,
    private readonly failed: (error: unknown) => void,
  ) {}

  get size(): number {
    return this.waiting.size + this.underWay.size;
  }

  add({ id, to, nextAt }: Pick<Delivery, 'id' | 'to' | 'nextAt'>): void {
    this.waiting.set(id, { to, at: nextAt });
  }

  hasDue(now: Instant): boolean {
    for (const { at } of this.waiting.values()) if (at <= now) return true;
    return false;
  }

  /** Begins with what is due, as far as there is room; the rest follows as room comes. */
  start(now: Instant): void {
    this.ready = new Map();
    for (const [id, { to, at }] of this.waiting) {
      // One that was read again meanwhile is looked at when its attempt is over.
      if (at > now || this.underWay.has(id)) continue;
      const same = this.ready.get(to);
      if (same === undefined) this.ready.set(to, [id]);
      else same.push(id);
    }
    this.fill();
  }

  /** What waits for an address does so no more. */
  takeAll(to: string): readonly string[] {
    const ids = [...this.waiting].filter(([, waiting]) => waiting.to === to).map(([id]) => id);
    for (const id of ids) this.waiting.delete(id);
    return ids;
  }

  /** Forgets what waits; the store has it. */
  clear(): void {
    this.waiting.clear();
    this.ready.clear();
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.underWay.size > 0) await Promise.all(this.underWay.values());
  }

  private fill(): void {
    for (const [to, ids] of this.ready) {
      while (ids.length > 0 && this.hasRoom(to)) this.run(ids.shift() ?? '', to);
    }
  }

  private hasRoom(to: string): boolean {
    return this.underWay.size < AT_ONCE && (this.busy.get(to) ?? 0) < AT_ONE_ADDRESS;
  }

  private run(id: string, to: string): void {
    const waiting = this.waiting.get(id);
    if (waiting === undefined) return;
    this.waiting.delete(id);
    this.busy.set(to, (this.busy.get(to) ?? 0) + 1);
    const attempt = this.attempt(id, waiting).then(() => {
      this.underWay.delete(id);
      const left = (this.busy.get(to) ?? 1) - 1;
      if (left === 0) this.busy.delete(to);
      else this.busy.set(to, left);
      this.fill();
    });
    this.underWay.set(id, attempt);
  }

  private async attempt(id: string, waiting: Waiting): Promise<void> {
    try {
      const next = await this.deliver(id);
      if (next !== undefined) this.add(next);
    } catch (error) {
      // It is tried again with the next look.
      this.waiting.set(id, waiting);
      if (!(error instanceof StoreUnavailable)) this.failed(error);
    }
  }
}
