import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type INestApplication, Injectable } from '@nestjs/common';
import { stringify } from 'yaml';
import { openApiDocument } from './openapi-document.js';

export interface DocumentText {
  /** UTF-8. */
  readonly content: Buffer;
  readonly etag: string;
}

const WRITERS = {
  json: (document: object) => `${JSON.stringify(document, undefined, 2)}\n`,
  // Without anchors and folded lines, which simple parsers do not support.
  yaml: (document: object) => stringify(document, { aliasDuplicateObjects: false, lineWidth: 0 }),
} as const;

export type DocumentFormat = keyof typeof WRITERS;

export const DOCUMENT_FORMATS = Object.keys(WRITERS) as readonly DocumentFormat[];

export function fileNameOf(format: DocumentFormat): string {
  return `openapi.${format}`;
}

/**
 * The OpenAPI document as served. Generating it blocks the event loop longer than a health check can wait, so the build
 * writes it to files. An application with extensions generates its own document before it listens.
 */
@Injectable()
export class ApiDocument {
  private app: INestApplication | undefined;
  isExtended = false;
  private readonly texts = new Map<DocumentFormat, Promise<DocumentText>>();

  /** @param directory where the build writes the files; missing in an unbuilt checkout */
  constructor(private readonly directory = fileURLToPath(new URL('../assets', import.meta.url))) {}

  /** Sets the documented application. Call it once, after the application is created. */
  describe(app: INestApplication, { isExtended }: { readonly isExtended: boolean }): void {
    this.app = app;
    this.isExtended = isExtended;
    if (!isExtended) return;
    for (const format of DOCUMENT_FORMATS) this.texts.set(format, Promise.resolve(textOf(this.make(format))));
  }

  /**
   * Reads the file of the build, or generates the document if there is none.
   *
   * @param prefix the path of the server in the document
   */
  async text(format: DocumentFormat, prefix = ''): Promise<DocumentText> {
    const known = this.texts.get(format) ?? this.find(format);
    this.texts.set(format, known);
    return prefix === '' ? known : underPrefix(await known, prefix);
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

/** The first `url` is that of the server. */
function underPrefix({ content }: DocumentText, prefix: string): DocumentText {
  const text = content.toString('utf8').replace(/(\burl"?: "?)\/(?="?,?$)/m, `$1${prefix}`);
  return textOf(Buffer.from(text));
}

export function etagOf(content: string | Buffer): string {
  return `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
}
