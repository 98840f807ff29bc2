import { createHash } from 'node:crypto';
import { type INestApplication, Injectable } from '@nestjs/common';
import { stringify } from 'yaml';
import { openApiDocument } from './openapi.document.js';

export interface DocumentText {
  /** UTF-8. */
  readonly content: Buffer;
  readonly etag: string;
}

/** The OpenAPI document as it is served. It is made when it is first asked for: most processes never are. */
@Injectable()
export class ApiDocument {
  private app: INestApplication | undefined;
  private readonly texts = new Map<'json' | 'yaml', DocumentText>();

  /** Says which application is documented. To be called once, when it has been created. */
  describe(app: INestApplication): void {
    this.app = app;
  }

  get json(): DocumentText {
    return this.text('json', (document) => `${JSON.stringify(document, undefined, 2)}\n`);
  }

  get yaml(): DocumentText {
    // Without anchors and folded lines: simpler readers understand it too.
    return this.text('yaml', (document) =>
      stringify(document, { aliasDuplicateObjects: false, lineWidth: 0 }),
    );
  }

  private text(format: 'json' | 'yaml', write: (document: object) => string): DocumentText {
    const known = this.texts.get(format);
    if (known) return known;
    if (!this.app) throw new Error('ApiDocument.describe(app) was not called');
    const content = Buffer.from(write(openApiDocument(this.app)));
    const made = { content, etag: etagOf(content) };
    this.texts.set(format, made);
    return made;
  }
}

export function etagOf(content: string | Buffer): string {
  return `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
}
