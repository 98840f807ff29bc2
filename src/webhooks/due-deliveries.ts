import { StoreUnavailable } from '../storage/task-store.js';
import type { Instant } from '../task/clock.js';
import type { Delivery } from './delivery.js';
import { DueHeap } from './due-heap.js';

const AT_ONCE = 128;
/** The share for hosts that failed or were not tried yet; the rest is for hosts that answered last time. */
const AT_UNPROVEN_HOSTS = 96;
/** Hosts of a source without room that one search skips; they go to the end. */
const HOSTS_AT_A_LOOK = 32;
/** The maximum number of hosts whose last result is kept; the oldest is dropped first. */
const MAX_HOSTS = 10_000;
/** Concurrent attempts per host, so that a slow host leaves room for others. */
const AT_ONE_HOST = 8;
/** Concurrent attempts at a host that failed last time. */
const AT_SILENT_HOST = 1;
/** Concurrent attempts per queue, over all hosts. */
const OF_ONE_SOURCE = 32;

/** The part of a delivery that the waiting list needs. */
export type WaitingDelivery = Pick<Delivery, 'id' | 'to' | 'nextAt'> &
  Partial<Pick<Delivery, 'source' | 'attempts' | 'status'>>;

interface Waiting extends WaitingDelivery {
  readonly host: string;
}

/** Makes an attempt. Resolves with the delivery if another attempt follows, with `undefined` if it has ended. */
type Deliver = (id: string) => Promise<Delivery | undefined>;

/** Due deliveries by source and host, oldest first. A served source or host moves to the end. */
type Ready = Map<string, Map<string, Set<Waiting>>>;

/**
 * Waiting deliveries and attempts in progress. Queues take turns, and hosts within a queue. Each has a limit of
 * concurrent attempts, and some places are reserved for hosts that answer. So silent hosts delay neither other hosts
 * nor other queues.
 */
export class DueDeliveries {
  /** The authoritative entries; the heap and the lists below can contain stale ones. */
  private readonly waiting = new Map<string, Waiting>();
  private readonly later = new DueHeap<Waiting>();
  private readonly underWay = new Map<string, Promise<void>>();
  private readonly busyHosts = new Map<string, number>();
  private readonly busySources = new Map<string, number>();
  /** Whether hosts answered last time, the latest at the end. */
  private readonly answers = new Map<string, boolean>();
  private unproven = 0;
  private readonly ready: Ready = new Map();
  /** Deliveries in progress that were read again meanwhile. */
  private readonly passedOver = new Set<string>();

  /** @param failed called with errors other than a store outage */
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
    this.wait({ id, to, nextAt, source, host });
  }

  hasDue(now: Instant): boolean {
    for (const { nextAt } of this.waiting.values()) if (nextAt <= now) return true;
    return false;
  }

  /** Starts due attempts as far as there is room; the rest follows when attempts end. */
  start(now: Instant): void {
    for (let next = this.later.popDue(now); next !== undefined; next = this.later.popDue(now)) {
      if (!this.isFree(next)) continue;
      const { source = '', host } = next;
      const hosts = this.ready.get(source) ?? new Map<string, Set<Waiting>>();
      this.ready.set(source, hosts);
      const same = hosts.get(host) ?? new Set<Waiting>();
      hosts.set(host, same.add(next));
    }
    this.fill();
  }

  /** Removes and returns the waiting deliveries to an address. */
  takeAll(to: string): readonly WaitingDelivery[] {
    const taken = [...this.waiting.values()].filter((waiting) => waiting.to === to);
    for (const { id } of taken) this.waiting.delete(id);
    return taken;
  }

  /** Drops the waiting deliveries from memory; the store still has them. */
  clear(): void {
    this.waiting.clear();
    this.later.clear();
    this.ready.clear();
  }

  /** Resolves when no attempt is in progress. */
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

  /** The next delivery of a source and a host with room; both move to the end. */
  private nextOf(source: string): Waiting | undefined {
    const hosts = this.ready.get(source);
    if (hosts === undefined || (this.busySources.get(source) ?? 0) >= OF_ONE_SOURCE) return undefined;
    let looks = Math.min(hosts.size, HOSTS_AT_A_LOOK);
    for (const [host, same] of hosts) {
      if (looks === 0) return undefined;
      looks -= 1;
      if (!this.hasRoom(host)) {
        hosts.delete(host);
        hosts.set(host, same);
        continue;
      }
      const next = this.takeOf(same);
      hosts.delete(host);
      if (same.size > 0) hosts.set(host, same);
      if (next === undefined) continue;
      this.ready.delete(source);
      if (hosts.size > 0) this.ready.set(source, hosts);
      return next;
    }
    if (hosts.size === 0) this.ready.delete(source);
    return undefined;
  }

  private takeOf(same: Set<Waiting>): Waiting | undefined {
    for (const next of same) {
      same.delete(next);
      if (this.isFree(next)) return next;
    }
    return undefined;
  }

  /** Whether it is waiting and has no attempt in progress. Otherwise it is checked again after the attempt. */
  private isFree(next: Waiting): boolean {
    if (this.waiting.get(next.id) !== next) return false;
    const isUnderWay = this.underWay.has(next.id);
    if (isUnderWay) this.passedOver.add(next.id);
    return !isUnderWay;
  }

  private wait(waiting: Waiting): void {
    this.waiting.set(waiting.id, waiting);
    this.later.push(waiting);
  }

  private hasRoom(host: string): boolean {
    const answers = this.answers.get(host);
    if (answers !== true && this.unproven >= AT_UNPROVEN_HOSTS) return false;
    const most = answers === false ? AT_SILENT_HOST : AT_ONE_HOST;
    return (this.busyHosts.get(host) ?? 0) < most;
  }

  private run(waiting: Waiting): void {
    const { id, host, source = '' } = waiting;
    this.waiting.delete(id);
    count(this.busyHosts, host, 1);
    count(this.busySources, source, 1);
    // The status at the start of the attempt counts until its end.
    const unproven = this.answers.get(host) === true ? 0 : 1;
    this.unproven += unproven;
    const attempt = this.attempt(waiting).then(() => {
      this.underWay.delete(id);
      const again = this.passedOver.delete(id) ? this.waiting.get(id) : undefined;
      if (again !== undefined) this.later.push(again);
      count(this.busyHosts, host, -1);
      count(this.busySources, source, -1);
      this.unproven -= unproven;
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
      // The next search retries it.
      this.wait(waiting);
      if (!(error instanceof StoreUnavailable)) this.failed(error);
    }
  }

  private noteHost(host: string, answers: boolean): void {
    this.answers.delete(host);
    this.answers.set(host, answers);
    const [oldest] = this.answers.keys();
    if (this.answers.size > MAX_HOSTS && oldest !== undefined) this.answers.delete(oldest);
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
