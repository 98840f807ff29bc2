import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { rangeIn, type RequestedRange } from '../http/byte-range.js';
import type { Artifact } from './artifact.js';
import type { DownloadAs } from './byte-store.js';

/** How to answer a request for the bytes of an artifact. */
export interface DownloadPlan {
  readonly status: 200 | 206 | 304;
  readonly headers: OutgoingHttpHeaders;
  readonly range?: RequestedRange;
}

/**
 * Plans the answer by `If-None-Match`, `Range` and `If-Range`.
 *
 * @throws ProblemError `range_not_satisfiable`
 */
export function planDownload(artifact: Artifact, given: IncomingHttpHeaders): DownloadPlan {
  const { size, sha256 } = artifact;
  const etag = `"${sha256}"`;
  if (isNamedIn(given['if-none-match'], etag)) return { status: 304, headers: { ETag: etag } };
  const as = downloadAs(artifact);
  const headers = {
    ETag: etag,
    'Accept-Ranges': 'bytes',
    'Content-Type': as.contentType,
    'Content-Disposition': as.contentDisposition,
    // Untrusted code made the bytes: a browser must not run them as a page of this service.
    'Content-Security-Policy': "sandbox; default-src 'none'",
    'Cross-Origin-Resource-Policy': 'same-origin',
  };
  const ifRange = given['if-range'];
  const isCurrent = ifRange === undefined || ifRange === etag;
  const range = isCurrent ? rangeIn(given.range, size) : undefined;
  if (range === undefined) return { status: 200, headers: { ...headers, 'Content-Length': size } };
  const part = {
    'Content-Range': `bytes ${range.from}-${range.to}/${size}`,
    'Content-Length': range.to - range.from + 1,
  };
  return { status: 206, headers: { ...headers, ...part }, range };
}

export function downloadAs({ name, contentType }: Artifact): DownloadAs {
  return { contentType, contentDisposition: attachment(name) };
}

/** Saves as a file with this name (RFC 6266). Names beyond plain ASCII have a second form, which new clients prefer. */
function attachment(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/gu, '_');
  if (plain === name) return `attachment; filename="${name}"`;
  const encoded = encodeURIComponent(name).replace(/['()*]/g, escapeAscii);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

function escapeAscii(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

function isNamedIn(list: string | undefined, etag: string): boolean {
  if (list === undefined) return false;
  const tags = list.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}
