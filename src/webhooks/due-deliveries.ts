import { StoreUnavailable } from '../storage/task-store.js';
import type { Instant } from '../task/clock.js';
import type { Delivery } from './delivery.js';
import { DueHeap } from './due-heap.js';

const AT_ONCE = 128;
/** Of these, at hosts that did not answer last time or have not been tried yet: the rest is for those that answer. */
const AT_UNPROVEN_HOSTS = 96;
/** Hosts of a source that one look passes over for want of room; they go to the end. */
const HOSTS_AT_A_LOOK = 32;
/** Hosts whose last attempt is remembered; the one that was tried longest ago is forgotten first. */
const MAX_HOSTS = 10_000;
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

/** Due ones by source and host, oldest first. Who was served goes to the end of each. */
type Ready = Map<string, Map<string, Set<Waiting>>>;

/**
 * Deliveries that wait for their time, and those that are under way. Queues take turns, and within a queue hosts do; each
 * has only so many attempts under way, and some places are for hosts that answer: those that are silent hold up neither
 * other hosts nor other queues.
 */
export class DueDeliveries {
  /** The heap and the lists below also have what waits no longer, or was read again; this is what counts. */
  private readonly waiting = new Map<string, Waiting>();
  private readonly later = new DueHeap<Waiting>();
  private readonly underWay = new Map<string, Promise<void>>();
  private readonly busyHosts = new Map<string, number>();
  private readonly busySources = new Map<string, number>();
  /** Whether hosts answered last time, the latest at the end. */
  private readonly answers = new Map<string, boolean>();
  private unproven = 0;
  private readonly ready: Ready = new Map();
  /** Under way, and read again meanwhile. */
  private readonly passedOver = new Set<string>();

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
    this.wait({ id, to, nextAt, source, host });
  }

  hasDue(now: Instant): boolean {
    for (const { nextAt } of this.waiting.values()) if (nextAt <= now) return true;
    return false;
  }

  /** Begins with what is due, as far as there is room; the rest follows as room comes. */
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

  /** What waits for an address does so no more. */
  takeAll(to: string): readonly WaitingDelivery[] {
    const taken = [...this.waiting.values()].filter((waiting) => waiting.to === to);
    for (const { id } of taken) this.waiting.delete(id);
    return taken;
  }

  /** Forgets what waits; the store has it. */
  clear(): void {
    this.waiting.clear();
    this.later.clear();
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

  /** Whether it still waits, and is not under way: then it is looked at again when its attempt is over. */
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
    // What it was when it began counts until it ends.
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
      // It is tried again with the next look.
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
