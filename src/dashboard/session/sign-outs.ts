import { Injectable } from '@nestjs/common';
import { allDocuments, DocumentStore } from '../../storage/document-store.js';
import { Clock, type Instant } from '../../task/clock.js';
import type { SessionClaim } from './session-token.js';

const KIND = 'signOut';

/**
 * Sessions that were signed out before their end. The store keeps them until then, so a copied cookie is invalid on
 * every replica and after a restart.
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
    // Writing the same entry again changes nothing.
    await this.documents.put(KIND, { id: nonce, text: JSON.stringify(endsAt), expected: 0 });
  }

  /** @throws StoreUnavailable */
  async has({ nonce }: SessionClaim): Promise<boolean> {
    const version = await this.documents.version(KIND);
    if (version !== this.version) await this.read(version);
    return this.known.has(nonce);
  }

  /** Reads all entries and removes those whose session has ended anyway. */
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
