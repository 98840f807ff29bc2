import { setImmediate as turn } from 'node:timers/promises';
import type { ClaimedTask, ClaimRequest } from '../../src/storage/task-store.js';
import { StoreUnavailable } from '../../src/storage/task-store.js';
import { ReferenceData, ReferenceStore } from '../contract/reference-store.js';
import { ROOMY } from './store-harness.js';
import { FakeClock } from './task.builders.js';

/** A store on the other side of a line, which can break: it goes away and comes back, and answers when it likes. */
export class DistantStore extends ReferenceStore {
  /** Another process at the same data; what it does is not seen here. */
  readonly unseen: ReferenceStore;
  /** How often a claim was asked for. */
  claims = 0;
  /** The most claims that were on their way at the same time. */
  mostClaimsAtOnce = 0;
  private claimsAtOnce = 0;
  private outage: { readonly applied: false | 'unknown' } | undefined;
  private fault: Error | undefined;
  private held: Promise<void> | undefined;

  constructor(
    override readonly clock: FakeClock = new FakeClock(),
    data = new ReferenceData(),
  ) {
    super(clock, ROOMY, data);
    const counts = this.views.counts.bind(this.views);
    this.views.counts = () => this.answer(counts());
    this.unseen = new ReferenceStore(clock, ROOMY, data);
  }

  override get isAvailable(): boolean {
    return this.outage === undefined && super.isAvailable;
  }

  /** From now on calls fail, and those on their way too. */
  goAway(applied: false | 'unknown' = false): void {
    this.outage = { applied };
    this.disturb();
  }

  comeBack(): void {
    this.outage = undefined;
    this.disturb();
  }

  /** Moves may have been missed. */
  disturb(): void {
    for (const watcher of this.watchers) watcher.onGap();
  }

  /** The next claim fails, and nothing else is wrong. */
  failOnce(fault: Error): void {
    this.fault = fault;
  }

  /** What is asked from now on is done at once, but answered only after the function was called that this returns. */
  holdAnswers(): () => void {
    let release: () => void = () => undefined;
    this.held = new Promise((resolve) => {
      release = () => {
        this.held = undefined;
        resolve();
      };
    });
    return release;
  }

  /** Resolves when every claim has been answered. */
  async quiet(): Promise<void> {
    do await turn();
    while (this.claimsAtOnce > 0);
  }

  override async claim(request: ClaimRequest): Promise<readonly ClaimedTask[]> {
    this.claims += 1;
    this.claimsAtOnce += 1;
    this.mostClaimsAtOnce = Math.max(this.mostClaimsAtOnce, this.claimsAtOnce);
    try {
      return await this.answer(this.claimNow(request));
    } finally {
      this.claimsAtOnce -= 1;
    }
  }

  protected override requireOpen(): void {
    super.requireOpen();
    if (this.outage !== undefined) throw new StoreUnavailable('The store is away', this.outage.applied);
  }

  private async claimNow(request: ClaimRequest): Promise<readonly ClaimedTask[]> {
    const { fault } = this;
    this.fault = undefined;
    if (fault !== undefined) throw fault;
    return super.claim(request);
  }

  /** An answer takes its time, and is lost when the line breaks meanwhile. */
  private async answer<T>(call: Promise<T>): Promise<T> {
    const result = await call;
    await turn();
    await this.held;
    this.requireOpen();
    return result;
  }
}
