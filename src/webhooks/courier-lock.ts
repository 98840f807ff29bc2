import { randomUUID } from 'node:crypto';
import type { DocumentStore, StoredDocument } from '../storage/document-store.js';
import type { Clock, Instant } from '../task/clock.js';

const NAME = 'webhooks';
/** A process that is gone is waited for so long. */
const HELD_MS = 6_000;
const RENEWED_BEFORE_MS = 3_000;

interface Lock {
  readonly owner: string;
  readonly until: Instant;
}

/** Decides which process delivers. Nothing breaks when two think that they do: a receiver gets a message twice. */
export class CourierLock {
  private readonly owner = randomUUID();

  constructor(
    private readonly documents: DocumentStore,
    private readonly clock: Clock,
  ) {}

  /**
   * Whose it is: `mine` and renewed, `theirs`, `abandoned` by a process that is gone and has left work, or `free`.
   */
  async look(): Promise<'mine' | 'theirs' | 'abandoned' | 'free'> {
    const document = await this.documents.get('lock', NAME);
    if (document === undefined) return 'free';
    const { owner, until } = JSON.parse(document.text) as Lock;
    const now = this.clock.now().wall;
    if (owner !== this.owner) return until > now ? 'theirs' : 'abandoned';
    const isFresh = until - now > RENEWED_BEFORE_MS && until - now <= HELD_MS;
    return isFresh || (await this.write(document)) ? 'mine' : 'theirs';
  }

  /** False when somebody else was quicker. */
  async take(): Promise<boolean> {
    return this.write(await this.documents.get('lock', NAME));
  }

  /** Says that there is no work left. */
  async giveBack(): Promise<void> {
    const document = await this.documents.get('lock', NAME);
    if (document === undefined || !this.isMine(document)) return;
    await this.documents.remove('lock', NAME, document.revision);
  }

  /** Leaves the work to whoever is first. */
  async abandon(): Promise<void> {
    const document = await this.documents.get('lock', NAME);
    if (document !== undefined && this.isMine(document)) await this.write(document, 0);
  }

  private isMine({ text }: StoredDocument): boolean {
    return (JSON.parse(text) as Lock).owner === this.owner;
  }

  private async write(
    present: StoredDocument | undefined,
    until: Instant = this.clock.now().wall + HELD_MS,
  ): Promise<boolean> {
    const lock: Lock = { owner: this.owner, until };
    const document = { id: NAME, text: JSON.stringify(lock), expected: present?.revision ?? 0 };
    return (await this.documents.put('lock', document)) !== undefined;
  }
}
