import type { IncomingMessage, ServerResponse } from 'node:http';
import { finishReply } from '../http/raw-reply.js';

export interface Reply {
  /** Encoded once and reused for every request. */
  readonly content: Buffer;
  readonly type: string;
  readonly etag: string;
  /** The value of `Content-Security-Policy`. */
  readonly policy?: string;
}

/** Sends a document or a page with an ETag, so that browsers can revalidate their copy. */
export function sendReply(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  response.setHeader('Cache-Control', 'no-cache');
  response.setHeader('ETag', reply.etag);
  response.setHeader('Referrer-Policy', 'no-referrer');
  if (reply.policy !== undefined) response.setHeader('Content-Security-Policy', reply.policy);
  if (isKnown(request, reply.etag)) {
    response.statusCode = 304;
    response.end();
    return;
  }
  response.setHeader('Content-Type', reply.type);
  response.setHeader('Content-Length', reply.content.length);
  response.end(reply.content);
  finishReply(response);
}

function isKnown({ headers }: IncomingMessage, etag: string): boolean {
  const known = headers['if-none-match'];
  return known?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag) ?? false;
}
