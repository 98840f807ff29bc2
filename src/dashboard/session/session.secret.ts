import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DocumentStore } from '../../storage/document-store.js';

const KIND = 'secret';
const NAME = 'dashboard-session';

/** What sessions are signed with. It is kept in the store, so a session outlives a restart and holds on every replica. */
@Injectable()
export class SessionSecret {
  private known?: Promise<Buffer>;

  constructor(private readonly documents: DocumentStore) {}

  /** @throws StoreUnavailable */
  read(): Promise<Buffer> {
    this.known ??= this.findOrMake().catch((error: unknown) => {
      this.known = undefined;
      throw error;
    });
    return this.known;
  }

  private async findOrMake(): Promise<Buffer> {
    for (;;) {
      const found = await this.documents.get(KIND, NAME);
      if (found !== undefined) return Buffer.from(JSON.parse(found.text) as string, 'base64url');
      const text = JSON.stringify(randomBytes(32).toString('base64url'));
      // When another replica was quicker, its secret is the one.
      await this.documents.put(KIND, { id: NAME, text, expected: 0 });
    }
  }
}
