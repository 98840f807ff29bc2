import { randomUUID } from 'node:crypto';
import type { DocumentStore, StoredDocument } from '../storage/document-store.js';
import { type Clock, type Instant, isAhead } from '../task/clock.js';

const NAME = 'webhooks';
/** A process that is gone is waited for so long. */
const HELD_MS = 6_000;
const RENEWED_BEFORE_MS = 3_000;

interface Lock {
  readonly owner: string;
  readonly until: Instant;
}

/**
 * Decides which process delivers. A process that stops for longer than it holds the lock, in the middle of sending, may
 * send a message that the next one sends too: receivers know it by its id.
 */
export class CourierLock {
  private readonly owner = randomUUID();
  /** As of the last look or write. */
  private seen: StoredDocument | undefined;

  constructor(
    private readonly documents: DocumentStore,
    private readonly clock: Clock,
  ) {}

  /** Whether nobody else can have taken it meanwhile: to be asked before each thing that only one process may do. */
  get isHeld(): boolean {
    const lock = lockIn(this.seen);
    return lock?.owner === this.owner && this.isHolding(lock);
  }

  /**
   * Whose it is: `mine` and renewed, `theirs`, `abandoned` by a process that is gone and has left work, or `free`.
   */
  async look(): Promise<'mine' | 'theirs' | 'abandoned' | 'free'> {
    this.seen = await this.documents.get('lock', NAME);
    const lock = lockIn(this.seen);
    if (lock === undefined) return 'free';
    const left = lock.until - this.clock.now().wall;
    if (lock.owner !== this.owner) return this.isHolding(lock) ? 'theirs' : 'abandoned';
    const isFresh = left > RENEWED_BEFORE_MS && left <= HELD_MS;
    return isFresh || (await this.take()) ? 'mine' : 'theirs';
  }

  /** False when somebody else was quicker since the last look. */
  take(): Promise<boolean> {
    return this.write(this.clock.now().wall + HELD_MS);
  }

  /** Says that there is no work left. */
  async giveBack(): Promise<void> {
    const { seen } = this;
    this.seen = undefined;
    if (seen !== undefined && lockIn(seen)?.owner === this.owner)
      await this.documents.remove('lock', NAME, seen.revision);
  }

  /** Leaves the work to whoever is first. */
  async abandon(): Promise<void> {
    if (lockIn(this.seen)?.owner === this.owner) await this.write(0);
  }

  /** A lock that ends later than any can was taken under a clock that was ahead: nobody would deliver until then. */
  private isHolding({ until }: Lock): boolean {
    const now = this.clock.now().wall;
    return until > now && !isAhead(until, now + HELD_MS);
  }

  private async write(until: Instant): Promise<boolean> {
    const { seen } = this;
    // Until it is written, and when nobody knows whether it is, it is not held.
    this.seen = undefined;
    const text = JSON.stringify({ owner: this.owner, until } satisfies Lock);
    const revision = await this.documents.put('lock', { id: NAME, text, expected: seen?.revision ?? 0 });
    if (revision !== undefined) this.seen = { id: NAME, text, revision };
    return revision !== undefined;
  }
}

function lockIn(document: StoredDocument | undefined): Lock | undefined {
  return document && (JSON.parse(document.text) as Lock);
}
