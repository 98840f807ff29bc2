import { randomUUID } from 'node:crypto';
import type { DocumentStore, StoredDocument } from '../storage/document-store.js';
import { type Clock, type Instant, isAhead } from '../task/clock.js';

const NAME = 'webhooks';
/** Milliseconds that the lock outlives its last renewal. */
const HELD_MS = 6_000;
const RENEWED_BEFORE_MS = 3_000;

interface Lock {
  readonly owner: string;
  readonly until: Instant;
}

/**
 * Elects the process that delivers. A process that stalls in mid-delivery until the lock ends may send a message that
 * the next process sends too. Receivers detect the duplicate by its id.
 */
export class CourierLock {
  private readonly owner = randomUUID();
  /** The document as of the last read or write. */
  private seen: StoredDocument | undefined;

  constructor(
    private readonly documents: DocumentStore,
    private readonly clock: Clock,
  ) {}

  /** Whether no other process can have taken the lock. Check it before each exclusive action. */
  get isHeld(): boolean {
    const lock = lockIn(this.seen);
    return lock?.owner === this.owner && this.isHolding(lock);
  }

  /**
   * The state of the lock: `mine` and renewed, `theirs`, `abandoned` by a stopped process with remaining work, or
   * `free`.
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

  /** False if another process was faster since the last `look`. */
  take(): Promise<boolean> {
    return this.write(this.clock.now().wall + HELD_MS);
  }

  /** Releases the lock when no work is left. */
  async giveBack(): Promise<void> {
    const { seen } = this;
    this.seen = undefined;
    if (seen !== undefined && lockIn(seen)?.owner === this.owner)
      await this.documents.remove('lock', NAME, seen.revision);
  }

  /** Releases the lock with remaining work for another process. */
  async abandon(): Promise<void> {
    if (lockIn(this.seen)?.owner === this.owner) await this.write(0);
  }

  /** A lock that ends too far in the future was taken under a wrong clock and would block deliveries until then. */
  private isHolding({ until }: Lock): boolean {
    const now = this.clock.now().wall;
    return until > now && !isAhead(until, now + HELD_MS);
  }

  private async write(until: Instant): Promise<boolean> {
    const { seen } = this;
    // The lock is not held during a write, nor after a write with an unknown outcome.
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
