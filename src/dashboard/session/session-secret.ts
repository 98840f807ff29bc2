import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DocumentStore } from '../../storage/document-store.js';

const KIND = 'secret';
const NAME = 'dashboard-session';

/**
 * The secret that signs sessions. It is kept in the store, so sessions survive a restart and are valid on every
 * replica.
 */
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
      // If another replica wrote first, its secret is used.
      await this.documents.put(KIND, { id: NAME, text, expected: 0 });
    }
  }
}
