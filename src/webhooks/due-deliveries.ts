import { StoreUnavailable } from '../storage/task-store.js';
import type { Instant } from '../task/clock.js';
import type { Delivery } from './delivery.js';

const AT_ONCE = 128;
/** Attempts at one host at the same time: one that is slow leaves room for the others. */
const AT_ONE_HOST = 8;
/** At a host that did not answer last time, until it answers. */
const AT_SILENT_HOST = 1;
/** Attempts of one queue at the same time, whatever hosts its messages go to. */
const OF_ONE_SOURCE = 32;

/** What is to be known of a delivery to wait for its time. */
export type WaitingDelivery = Pick<Delivery, 'id' | 'to' | 'nextAt'> &
  Partial<Pick<Delivery, 'source' | 'attempts' | 'status'>>;

interface Waiting extends WaitingDelivery {
  readonly host: string;
}

/** Makes an attempt. Gives the delivery when there will be another one, `undefined` when it has ended. */
type Deliver = (id: string) => Promise<Delivery | undefined>;

/** Due ones by source and host. Who was served goes to the end of each. */
type Ready = Map<string, Map<string, Waiting[]>>;

/**
 * Deliveries that wait for their time, and those that are under way. Queues take turns, and within a queue hosts do; each
 * has only so many attempts under way, so that a host that is silent holds up neither others nor other queues.
 */
export class DueDeliveries {
  private readonly waiting = new Map<string, Waiting>();
  private readonly underWay = new Map<string, Promise<void>>();
  private readonly busyHosts = new Map<string, number>();
  private readonly busySources = new Map<string, number>();
  private readonly silentHosts = new Set<string>();
  /** As of the last start. The next one is at the end of each list. */
  private ready: Ready = new Map();

  /** @param failed is told of an error that is not the store's being away */
  constructor(
    private readonly deliver: Deliver,
    private readonly failed: (error: unknown) => void,
  ) {}

  get size(): number {
    return this.waiting.size + this.underWay.size;
  }

  add(delivery: WaitingDelivery): void {
    const { id, to, nextAt, source, attempts = 0, status } = delivery;
    const host = hostOf(to);
    if (attempts > 0) this.noteHost(host, status !== undefined);
    this.waiting.set(id, { id, to, nextAt, source, host });
  }

  hasDue(now: Instant): boolean {
    for (const { nextAt } of this.waiting.values()) if (nextAt <= now) return true;
    return false;
  }

  /** Begins with what is due, as far as there is room; the rest follows as room comes. */
  start(now: Instant): void {
    const order = [...this.ready.keys()];
    // Who waited before keeps the turn.
    this.ready = new Map(order.map((source) => [source, new Map<string, Waiting[]>()]));
    for (const waiting of this.waiting.values()) {
      // One that was read again meanwhile is looked at when its attempt is over.
      if (waiting.nextAt > now || this.underWay.has(waiting.id)) continue;
      const { source = '', host } = waiting;
      const hosts = this.ready.get(source) ?? new Map<string, Waiting[]>();
      this.ready.set(source, hosts);
      const same = hosts.get(host) ?? [];
      hosts.set(host, same);
      same.push(waiting);
    }
    for (const [source, hosts] of this.ready) {
      if (hosts.size === 0) this.ready.delete(source);
      for (const same of hosts.values()) same.reverse();
    }
    this.fill();
  }

  /** What waits for an address does so no more. */
  takeAll(to: string): readonly WaitingDelivery[] {
    const taken = [...this.waiting.values()].filter((waiting) => waiting.to === to);
    for (const { id } of taken) this.waiting.delete(id);
    return taken;
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
    for (let isServed = true; isServed && this.underWay.size < AT_ONCE;) {
      isServed = false;
      for (const source of [...this.ready.keys()]) {
        if (this.underWay.size >= AT_ONCE) return;
        const next = this.nextOf(source);
        if (next === undefined) continue;
        isServed = true;
        this.run(next);
      }
    }
  }

  /** The next one of a source that has room, at a host that has; both go to the end. */
  private nextOf(source: string): Waiting | undefined {
    const hosts = this.ready.get(source);
    if (hosts === undefined || (this.busySources.get(source) ?? 0) >= OF_ONE_SOURCE) return undefined;
    for (const [host, same] of hosts) {
      if (!this.hasRoom(host)) continue;
      const next = this.popOf(same);
      hosts.delete(host);
      if (same.length > 0) hosts.set(host, same);
      if (next === undefined) continue;
      this.ready.delete(source);
      if (hosts.size > 0) this.ready.set(source, hosts);
      return next;
    }
    if (hosts.size === 0) this.ready.delete(source);
    return undefined;
  }

  private popOf(same: Waiting[]): Waiting | undefined {
    for (let next = same.pop(); next !== undefined; next = same.pop()) {
      // It may have been taken, or have been begun, since the start.
      if (this.waiting.has(next.id) && !this.underWay.has(next.id)) return next;
    }
    return undefined;
  }

  private hasRoom(host: string): boolean {
    const most = this.silentHosts.has(host) ? AT_SILENT_HOST : AT_ONE_HOST;
    return (this.busyHosts.get(host) ?? 0) < most;
  }

  private run(waiting: Waiting): void {
    const { id, host, source = '' } = waiting;
    this.waiting.delete(id);
    count(this.busyHosts, host, 1);
    count(this.busySources, source, 1);
    const attempt = this.attempt(waiting).then(() => {
      this.underWay.delete(id);
      count(this.busyHosts, host, -1);
      count(this.busySources, source, -1);
      this.fill();
    });
    this.underWay.set(id, attempt);
  }

  private async attempt(waiting: Waiting): Promise<void> {
    try {
      const next = await this.deliver(waiting.id);
      if (next === undefined) this.noteHost(waiting.host, true);
      else this.add(next);
    } catch (error) {
      // It is tried again with the next look.
      this.waiting.set(waiting.id, waiting);
      if (!(error instanceof StoreUnavailable)) this.failed(error);
    }
  }

  private noteHost(host: string, answers: boolean): void {
    if (answers) this.silentHosts.delete(host);
    else this.silentHosts.add(host);
  }
}

function hostOf(to: string): string {
  return URL.canParse(to) ? new URL(to).host : to;
}

function count(counts: Map<string, number>, key: string, by: number): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next === 0) counts.delete(key);
  else counts.set(key, next);
}
