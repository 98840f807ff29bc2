import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { types } from 'node:util';
import { lookupOf, requirePublicHost } from './guarded-lookup.js';
import { NameLookup } from './name-lookup.js';

export interface SenderOptions {
  /** Milliseconds for everything, from the name lookup to the end of the answer. */
  readonly timeoutMs: number;
  readonly mayBePrivate: boolean;
  /** The name resolution; that of this machine by default. */
  readonly names?: NameLookup;
}

export interface Posting {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The result of one attempt. */
export interface Reply {
  /** Absent if no answer arrived. */
  readonly status?: number;
  readonly retryAfter?: string;
  /** Why no answer arrived. */
  readonly error?: string;
  /** The beginning of the body, if it is text. */
  readonly text?: string;
}

/** Bytes of an answer that are read. */
const MOST_BYTES = 1024;
/** Milliseconds for the body, which decides nothing. */
const BODY_MS = 1_000;

/** Sends webhooks, each on its own connection, to allowed addresses only. */
export class WebhookSender {
  private readonly lookup: LookupFunction;

  constructor(private readonly options: SenderOptions) {
    this.lookup = lookupOf(options.names ?? new NameLookup(), options);
  }

  /** Never rejects. A redirect counts as an answer and is not followed. */
  async post(posting: Posting, signal: AbortSignal): Promise<Reply> {
    const { timeoutMs } = this.options;
    // `AbortSignal.any` would leak one listener per call on the outer signal.
    const own = new AbortController();
    const stop = () => own.abort(signal.reason);
    const timer = setTimeout(() => own.abort(new DOMException('No answer', 'TimeoutError')), timeoutMs);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await this.exchange(posting, own.signal);
    } catch (error) {
      return { error: describe(error, timeoutMs) };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }

  private async exchange({ url, headers, body }: Posting, signal: AbortSignal): Promise<Reply> {
    const target = new URL(url);
    const { mayBePrivate } = this.options;
    if (!mayBePrivate) requirePublicHost(target);
    const send = target.protocol === 'https:' ? httpsRequest : httpRequest;
    const length: OutgoingHttpHeaders = { 'Content-Length': Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
      const request = send(target, {
        method: 'POST',
        headers: { ...headers, ...length },
        agent: false,
        signal,
        lookup: this.lookup,
      });
      request.on('error', reject);
      request.on('response', (response) => {
        void beginningOf(response).then((text) => resolve({ ...replyOf(response), text }));
      });
      request.end(body);
    });
  }
}

function replyOf({ statusCode, headers }: IncomingMessage): Reply {
  return { status: statusCode, retryAfter: headers['retry-after'] };
}

/** The beginning of the body as text, also of a body that was cut off. `undefined` for an empty body. */
function beginningOf(response: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(limit);
      response.destroy();
      const bytes = Buffer.concat(parts).subarray(0, MOST_BYTES);
      // `stream` drops the first bytes of a character that was cut in two, and adds no U+FFFD for them.
      const text = new TextDecoder().decode(bytes, { stream: true });
      resolve(text === '' ? undefined : text);
    };
    const limit = setTimeout(end, BODY_MS);
    response.on('data', (part: Buffer) => {
      parts.push(part);
      length += part.length;
      if (length >= MOST_BYTES) end();
    });
    response.on('end', end);
    response.on('error', end);
    response.on('close', end);
  });
}

/** The error for people, without the URL, which may contain a secret. */
function describe(error: unknown, timeoutMs: number): string {
  if (!types.isNativeError(error) && !(error instanceof DOMException)) return 'Unknown error';
  if (error.name === 'TimeoutError') return `No answer within ${timeoutMs} ms`;
  const { code } = error as NodeJS.ErrnoException;
  if (error.name === 'AbortError') {
    const { cause } = error;
    return cause instanceof DOMException && cause.name === 'TimeoutError'
      ? `No answer within ${timeoutMs} ms`
      : 'The service stopped';
  }
  if (error.name === 'AddressRefused') return error.message;
  return typeof code === 'string' ? `No connection: ${code}` : 'No connection';
}
