import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../config/config.js';
import { BackgroundLoop } from '../runtime/background-loop.js';
import { addresseesOf, OWN_ADDRESS } from '../storage/webhook-addresses.js';
import { TaskStore } from '../storage/task-store.js';
import type { CommittedTransition } from '../storage/transitions.js';
import { type Instant, isAhead } from '../task/clock.js';
import { CourierLock } from './courier-lock.js';
import { attempted, plausible, type Delivery, parked } from './delivery.js';
import { DeliveryBook } from './delivery-book.js';
import { DueDeliveries } from './due-deliveries.js';
import { EndedDeliveries } from './ended-deliveries.js';
import { WebhookIntake } from './webhook-intake.js';
import { WebhookSender } from './webhook-sender.js';
import { WebhookSigner } from './webhook-signer.js';

/** Milliseconds between two checks for webhooks of other processes and due deliveries. */
const TICK_MS = 1_000;
/** Milliseconds after a local webhook, so that concurrent ones are taken in together. */
const HURRY_MS = 10;
/** Empty checks after which the process gives the lock back. */
const IDLE_LOOKS = 30;
/** Milliseconds for attempts in progress at shutdown. */
const LAST_ANSWERS_MS = 2_000;

/**
 * Delivers webhooks. One of the processes on a store does it. If that process dies, another one continues from the
 * store. So a message is sent at least once, and occasionally twice.
 */
@Injectable()
export class WebhookCourier implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(WebhookCourier.name);
  private readonly book: DeliveryBook;
  private readonly intake: WebhookIntake;
  private readonly lock: CourierLock;
  private readonly sender: WebhookSender;
  private readonly signer: WebhookSigner;
  private readonly stop = new AbortController();
  private readonly due = new DueDeliveries(
    (id) => this.deliver(id),
    (error) => {
      this.report(error);
    },
  );
  private readonly ended: EndedDeliveries;
  private readonly loop: BackgroundLoop;
  /** The version of the deliveries when this process had finished all of them. */
  private leftAt: number | undefined;
  /** Consecutive checks without work. */
  private idleLooks = 0;
  private leads = false;
  private lastLook: Instant | undefined;

  constructor(
    private readonly store: TaskStore,
    private readonly config: Config,
  ) {
    const { documents, outbox, clock } = store;
    this.loop = new BackgroundLoop({
      clock,
      pass: () => this.look(),
      longestMs: TICK_MS,
      failure: 'Delivering webhooks failed',
      logger: this.logger,
    });
    this.book = new DeliveryBook(documents);
    this.ended = new EndedDeliveries(this.book, {
      count: config.WEBHOOK_MAX_ENDED,
      age: config.RETENTION_SECONDS * 1000,
    });
    this.lock = new CourierLock(documents, clock);
    this.intake = new WebhookIntake({
      documents,
      outbox,
      book: this.book,
      lifetimeMs: this.lifetimeMs,
      mayGoOn: () => this.lock.isHeld,
    });
    this.sender = new WebhookSender({
      timeoutMs: config.WEBHOOK_TIMEOUT_SECONDS * 1000,
      mayBePrivate: config.WEBHOOK_ALLOW_PRIVATE,
    });
    this.signer = new WebhookSigner(config.webhookSecrets);
    store.onCommit((transitions) => {
      if (transitions.some((transition) => this.isTold(transition))) this.checkSoon();
    });
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    const limit = setTimeout(() => {
      this.stop.abort();
    }, LAST_ANSWERS_MS);
    await this.loop.stop();
    this.due.clear();
    await this.due.settled();
    clearTimeout(limit);
    if (this.leads) await this.lock.abandon().catch(() => undefined);
  }

  /** Schedules a check soon, after a local webhook. */
  checkSoon(): void {
    this.loop.wake(HURRY_MS);
  }

  /** Takes in all pending webhooks and makes every attempt that is due. */
  async sweep(): Promise<void> {
    do {
      await this.loop.run();
      await this.due.settled();
    } while (this.due.hasDue(this.now) && !this.loop.isStopped);
  }

  private get now(): Instant {
    return this.store.clock.now().wall;
  }

  private get lifetimeMs(): number {
    return this.config.WEBHOOK_RETRY_SECONDS * 1000;
  }

  private isTold({ type, task }: CommittedTransition): boolean {
    return addresseesOf(this.config.webhookTypes, type, task) !== '';
  }

  private async look(): Promise<undefined> {
    try {
      await this.lookOnce();
    } catch (error) {
      // Memory and store may differ now, so everything is read again.
      this.leaveLead();
      throw error;
    }
  }

  private leaveLead(): void {
    this.leads = false;
    this.leftAt = undefined;
  }

  private report(error: unknown): void {
    this.logger.error('Delivering webhooks failed', (error as Error).stack);
  }

  private async lookOnce(): Promise<void> {
    if (this.loop.isStopped) return;
    // The clock was set back: waiting deliveries are read again and corrected.
    if (isAhead(this.lastLook, this.now)) this.leaveLead();
    this.lastLook = this.now;
    if (!(await this.mayLead())) return;
    for (const delivery of await this.intake.takePending(this.now)) this.due.add(delivery);
    this.due.start(this.now);
    await this.ended.forgetOld(this.now);
    this.idleLooks = this.due.size > 0 ? 0 : this.idleLooks + 1;
    if (this.idleLooks < IDLE_LOOKS) return;
    this.leads = false;
    this.leftAt = await this.store.documents.version('delivery');
    await this.lock.giveBack();
  }

  /** Whether this process delivers. It takes the lock if there is work and no other process holds it. */
  private async mayLead(): Promise<boolean> {
    const whose = await this.lock.look();
    if (whose === 'mine' && this.leads) return true;
    this.leads = false;
    this.due.clear();
    if (whose === 'theirs') return false;
    if (whose === 'free' && !(await this.intake.hasWork())) return false;
    if (whose !== 'mine' && !(await this.lock.take())) return false;
    await this.load();
    this.idleLooks = 0;
    this.leads = true;
    return true;
  }

  /** Reads the deliveries, unless no other process wrote since this process finished all of them. */
  private async load(): Promise<void> {
    const version = await this.store.documents.version('delivery');
    if (version === this.leftAt) return;
    this.ended.clear();
    for (const delivery of await this.book.all()) {
      if (delivery.state === 'pending') this.due.add(plausible(delivery, this.now, this.lifetimeMs));
      else this.ended.add(delivery, this.now);
    }
  }

  /** Makes one attempt. Returns the delivery if another attempt follows, `undefined` otherwise. */
  private async deliver(id: string): Promise<Delivery | undefined> {
    const kept = await this.book.find(id);
    if (kept?.delivery.state !== 'pending') return undefined;
    const delivery = plausible(kept.delivery, this.now, this.lifetimeMs);
    // Another process delivers now or has made this attempt; the next check shows which.
    if (!this.lock.isHeld || delivery.nextAt > this.now) return delivery;
    const next = await this.attempt(delivery);
    if (next === undefined) return delivery;
    if (!(await this.book.replace(next, kept.revision))) return delivery;
    if (next.state === 'pending') return next;
    this.ended.add(next, this.now);
    if (next.state === 'parked') await this.park(next);
    return undefined;
  }

  /** The result of the attempt; `undefined` if the service stopped meanwhile. */
  private async attempt(delivery: Delivery): Promise<Delivery | undefined> {
    const { messageId, body, to } = delivery;
    const url = to === OWN_ADDRESS ? this.config.WEBHOOK_URL : to;
    if (url === undefined) return parked(delivery, this.now, 'WEBHOOK_URL is no longer set');
    const headers = this.signer.headers({ id: messageId, body }, this.now);
    const reply = await this.sender.post({ url, headers, body }, this.stop.signal);
    if (this.stop.signal.aborted) return undefined;
    return attempted(delivery, reply, { now: this.now, random: Math.random() });
  }

  /** Parks the waiting deliveries to an address that answered 410. */
  private async park({ id, to, status, error }: Delivery): Promise<void> {
    this.logger.warn(`Webhook ${id} is parked: ${error ?? `the receiver answered ${status ?? 'nothing'}`}`);
    if (status !== 410) return;
    const others = this.due.takeAll(to);
    const left = new Set(others);
    try {
      for (const other of others) {
        const kept = await this.book.find(other.id);
        if (kept?.delivery.state === 'pending') {
          const ended = parked(kept.delivery, this.now, 'The receiver answered 410 to another');
          // Repeated on request meanwhile: it keeps waiting.
          if (!(await this.book.replace(ended, kept.revision))) continue;
          this.ended.add(ended, this.now);
        }
        left.delete(other);
      }
    } finally {
      // The store became unavailable: they keep waiting.
      for (const each of left) this.due.add(each);
    }
  }
}
