import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Injectable } from '@nestjs/common';
import { etagOf } from '../docs/api-document.js';
import type { Reply } from '../docs/reply.js';

const TYPES: Readonly<Record<string, string>> = {
  'dashboard.css': 'text/css; charset=utf-8',
  'dashboard.js': 'text/javascript; charset=utf-8',
  'lists.js': 'text/javascript; charset=utf-8',
  'charts.js': 'text/javascript; charset=utf-8',
  'log.js': 'text/javascript; charset=utf-8',
  'terminal-runs.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
  // The build copies these from their packages.
  'htmx.min.js': 'text/javascript; charset=utf-8',
  'hx-sse.min.js': 'text/javascript; charset=utf-8',
  'uPlot.iife.min.js': 'text/javascript; charset=utf-8',
  'uPlot.min.css': 'text/css; charset=utf-8',
};

/** Code that the service and the pages share. */
const SHARED = new Set(['terminal-runs.js']);

/** The files of the pages, cached in memory after the first request. Other files are not served. */
@Injectable()
export class AssetFiles {
  private readonly files = new Map<string, Promise<Reply | undefined>>();

  /** `undefined` when no file has this name. */
  find(name: string): Promise<Reply | undefined> {
    const type = Object.hasOwn(TYPES, name) ? TYPES[name] : undefined;
    if (type === undefined) return Promise.resolve(undefined);
    let file = this.files.get(name);
    if (!file) {
      file = read(name, type);
      this.files.set(name, file);
    }
    return file;
  }
}

/** `undefined` when the service runs without a build. */
async function read(name: string, type: string): Promise<Reply | undefined> {
  const folder = SHARED.has(name) ? 'parts' : 'assets';
  const file = fileURLToPath(new URL(`${folder}/${name}`, import.meta.url));
  const content = await readFile(file).catch(() => undefined);
  return content && { content, type, etag: etagOf(content) };
}
