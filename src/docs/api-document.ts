import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type INestApplication, Injectable } from '@nestjs/common';
import { stringify } from 'yaml';
import { openApiDocument } from './openapi.document.js';

export interface DocumentText {
  /** UTF-8. */
  readonly content: Buffer;
  readonly etag: string;
}

const WRITERS = {
  json: (document: object) => `${JSON.stringify(document, undefined, 2)}\n`,
  // Without anchors and folded lines: simpler readers understand it too.
  yaml: (document: object) => stringify(document, { aliasDuplicateObjects: false, lineWidth: 0 }),
} as const;

export type DocumentFormat = keyof typeof WRITERS;

export const DOCUMENT_FORMATS = Object.keys(WRITERS) as readonly DocumentFormat[];

export function fileNameOf(format: DocumentFormat): string {
  return `openapi.${format}`;
}

/**
 * The OpenAPI document as it is served. To make it takes the event loop for longer than a health check may wait, so the
 * build leaves it as files. An application with extensions has another document and makes it before it listens.
 */
@Injectable()
export class ApiDocument {
  private app: INestApplication | undefined;
  isExtended = false;
  private readonly texts = new Map<DocumentFormat, Promise<DocumentText>>();

  /** @param directory where the build has left the files; in a checkout that is not built they are not there */
  constructor(private readonly directory = fileURLToPath(new URL('../assets', import.meta.url))) {}

  /** Says which application is documented. To be called once, when it has been created. */
  describe(app: INestApplication, { isExtended }: { readonly isExtended: boolean }): void {
    this.app = app;
    this.isExtended = isExtended;
    if (!isExtended) return;
    for (const format of DOCUMENT_FORMATS) this.texts.set(format, Promise.resolve(textOf(this.make(format))));
  }

  /** Reads what the build has left, and makes it when there is nothing. */
  text(format: DocumentFormat): Promise<DocumentText> {
    const known = this.texts.get(format) ?? this.find(format);
    this.texts.set(format, known);
    return known;
  }

  make(format: DocumentFormat): Buffer {
    if (!this.app) throw new Error('ApiDocument.describe(app) was not called');
    return Buffer.from(WRITERS[format](openApiDocument(this.app, this)));
  }

  private async find(format: DocumentFormat): Promise<DocumentText> {
    const file = join(this.directory, fileNameOf(format));
    return textOf(await readFile(file).catch(() => this.make(format)));
  }
}

function textOf(content: Buffer): DocumentText {
  return { content, etag: etagOf(content) };
}

export function etagOf(content: string | Buffer): string {
  return `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
}
