import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../config/config.js';
import { BackgroundLoop } from '../runtime/background-loop.js';
import { addresseesOf, OWN_ADDRESS } from '../storage/notice-rule.js';
import { type Committed, TaskStore } from '../storage/task-store.js';
import { type Instant, isAhead } from '../task/clock.js';
import { CourierLock } from './courier-lock.js';
import { attempted, believable, type Delivery, parked } from './delivery.js';
import { DeliveryBook } from './delivery-book.js';
import { DueDeliveries } from './due-deliveries.js';
import { EndedDeliveries } from './ended-deliveries.js';
import { WebhookIntake } from './webhook-intake.js';
import { WebhookSender } from './webhook-sender.js';
import { WebhookSigner } from './webhook-signer.js';

/** How often it looks what other processes have left, and what is due. */
const TICK_MS = 1_000;
/** After something was left here, so that what is left together is taken in together. */
const HURRY_MS = 10;
/** Looks that find nothing, before it stops writing that it is there. */
const IDLE_LOOKS = 30;
/** How long attempts that are under way may take when the service ends. */
const LAST_ANSWERS_MS = 2_000;

/**
 * Delivers webhooks. One of the processes at a store does it; when it is gone another one goes on with what is in the
 * store, so a message is sent at least once, and now and then once more.
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
  /** The version of the deliveries when this process had nothing left to do. */
  private leftAt: number | undefined;
  /** Looks in a row that found nothing to do. */
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
      failure: 'Webhooks failed',
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
      if (transitions.some((transition) => this.isTold(transition))) this.hurry();
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

  /** Something was left here: it is looked at soon. */
  hurry(): void {
    this.loop.wake(HURRY_MS);
  }

  /** Takes in what was left and makes every attempt that is due by now. */
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

  private isTold({ type, task }: Committed): boolean {
    return addresseesOf(this.config.webhookTypes, type, task) !== '';
  }

  private async look(): Promise<undefined> {
    try {
      await this.lookOnce();
    } catch (error) {
      // What was written and what is known may differ now: everything is read again.
      this.leaveLead();
      throw error;
    }
  }

  private leaveLead(): void {
    this.leads = false;
    this.leftAt = undefined;
  }

  private report(error: unknown): void {
    this.logger.error('Webhooks failed', (error as Error).stack);
  }

  private async lookOnce(): Promise<void> {
    if (this.loop.isStopped) return;
    // A clock that was ahead is right again: what waits for it is read again, and mended.
    if (isAhead(this.lastLook, this.now)) this.leaveLead();
    this.lastLook = this.now;
    if (!(await this.mayLead())) return;
    for (const delivery of await this.intake.takeIn(this.now)) this.due.add(delivery);
    this.due.start(this.now);
    await this.ended.forgetOld(this.now);
    this.idleLooks = this.due.size > 0 ? 0 : this.idleLooks + 1;
    if (this.idleLooks < IDLE_LOOKS) return;
    this.leads = false;
    this.leftAt = await this.store.documents.version('delivery');
    await this.lock.giveBack();
  }

  /** Whether this process delivers. It takes that on when there is something to do and nobody else does. */
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

  /** Nothing is read again when nobody else wrote since this process had nothing left to do. */
  private async load(): Promise<void> {
    const version = await this.store.documents.version('delivery');
    if (version === this.leftAt) return;
    this.ended.clear();
    for (const delivery of await this.book.all()) {
      if (delivery.state === 'pending') this.due.add(believable(delivery, this.now, this.lifetimeMs));
      else this.ended.add(delivery, this.now);
    }
  }

  /** One attempt. When the next one is due, or `undefined` when it was the last. */
  private async deliver(id: string): Promise<Delivery | undefined> {
    const kept = await this.book.find(id);
    if (kept?.delivery.state !== 'pending') return undefined;
    const delivery = believable(kept.delivery, this.now, this.lifetimeMs);
    // Another process delivers by now, or has made this attempt: the next look tells.
    if (!this.lock.isHeld || delivery.nextAt > this.now) return delivery;
    const next = await this.attempt(delivery);
    if (next === undefined) return delivery;
    if (!(await this.book.replace(next, kept.revision))) return delivery;
    if (next.state === 'pending') return next;
    this.ended.add(next, this.now);
    if (next.state === 'parked') await this.park(next);
    return undefined;
  }

  /** What came of it; `undefined` when the service ended meanwhile. */
  private async attempt(delivery: Delivery): Promise<Delivery | undefined> {
    const { messageId, body, to } = delivery;
    const url = to === OWN_ADDRESS ? this.config.WEBHOOK_URL : to;
    if (url === undefined) return parked(delivery, this.now, 'WEBHOOK_URL names no address any more');
    const headers = this.signer.headers({ id: messageId, body }, this.now);
    const reply = await this.sender.post({ url, headers, body }, this.stop.signal);
    if (this.stop.signal.aborted) return undefined;
    return attempted(delivery, reply, { now: this.now, random: Math.random() });
  }

  /** An address that is gone is not asked again for what waits already. */
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
          // Sent again on demand meanwhile: it waits on.
          if (!(await this.book.replace(ended, kept.revision))) continue;
          this.ended.add(ended, this.now);
        }
        left.delete(other);
      }
    } finally {
      // The store went away in between: they wait on.
      for (const each of left) this.due.add(each);
    }
  }
}
