import { Injectable } from '@nestjs/common';
import { allDocuments, DocumentStore } from '../../storage/document-store.js';
import { Clock, type Instant } from '../../task/clock.js';
import type { SessionClaim } from './session.token.js';

const KIND = 'signOut';

/**
 * Sessions that were signed out before their end. They are kept in the store until then, so a copy of the cookie is worth
 * nothing on any replica and after a restart.
 */
@Injectable()
export class SignOuts {
  private known = new Set<string>();
  private version: number | undefined;

  constructor(
    private readonly documents: DocumentStore,
    private readonly clock: Clock,
  ) {}

  /** @throws StoreUnavailable */
  async add({ nonce, endsAt }: SessionClaim): Promise<void> {
    // The same again changes nothing.
    await this.documents.put(KIND, { id: nonce, text: JSON.stringify(endsAt), expected: 0 });
  }

  /** @throws StoreUnavailable */
  async has({ nonce }: SessionClaim): Promise<boolean> {
    const version = await this.documents.version(KIND);
    if (version !== this.version) await this.read(version);
    return this.known.has(nonce);
  }

  /** Reads all of them, and forgets those whose session would have ended by now. */
  private async read(version: number): Promise<void> {
    const now = this.clock.now().wall;
    const known = new Set<string>();
    for (const { id, text, revision } of await allDocuments(this.documents, KIND)) {
      const endsAt = JSON.parse(text) as Instant;
      if (endsAt > now) known.add(id);
      else await this.documents.remove(KIND, id, revision);
    }
    this.known = known;
    this.version = version;
  }
}
