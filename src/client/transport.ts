import { limitedSignal, pause, reasonOf } from './abort.js';
import type { Problem } from './api.generated.js';
import { ApiError, apiError, ConnectionFailed, UnexpectedAnswer } from './errors.js';
import { brief, innermost, describeError } from './failure-cause.js';
import { stringify } from './json-text.js';
import { type Milliseconds, steadyNow } from './steady-clock.js';

export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** What `fetch` can send. */
export type UploadBody = NonNullable<RequestInit['body']>;

export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent in place of `body` when the call is repeated. */
  readonly repeatBody?: unknown;
  /** Sent unchanged in place of `body`. */
  readonly text?: { readonly type: string; readonly content: string | Uint8Array };
  /** A redirect is an answer instead of an error. */
  readonly takesRedirect?: boolean;
  /** Bytes to send in place of `body`. `open` is called once per try. */
  readonly bytes?: { readonly type: string; readonly open: () => UploadBody };
  readonly headers?: Readonly<Record<string, string>>;
  /** Seconds that the service may wait before it answers, for a long poll. */
  readonly wait?: number;
  /** False: do not repeat the call when the service may have performed it. By default a repeated call is safe. */
  readonly isRepeatable?: boolean;
  /**
   * Also retries after a rejected key or an unreachable address. Ends only with an answer or when the service rejects
   * the request itself. For workers.
   */
  readonly isStubborn?: boolean;
  /** Seconds to keep retrying; overrides the client's setting. */
  readonly patience?: number;
  /** Seconds to wait for one answer; overrides the client's setting. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  /** Called before each pause between tries. */
  readonly onRetry?: (error: unknown, pause: Milliseconds) => void;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface TransportOptions {
  /** Base URL of the service. May contain a path. */
  readonly url: string;
  readonly apiKey?: string;
  /** Seconds to wait for one answer, in addition to a long poll's own wait. Default 15. */
  readonly requestTimeout?: number;
  /** Seconds to keep retrying while the service is unreachable, overloaded or restarting. Default 30; 0 tries once. */
  readonly patience?: number;
  /** The same for calls that only read and do not wait. Default: `patience`. */
  readonly readPatience?: number;
  /** Called before each pause between tries, unless the call has its own `onRetry`. */
  readonly onRetry?: (error: unknown, pause: Milliseconds) => void;
  /**
   * Maximum bytes of a decompressed response; a longer one counts as no answer. Default 268435456 (256 MiB), enough for
   * a claim of the 100 largest tasks that the service accepts by default.
   */
  readonly longestAnswer?: number;
  readonly fetch?: typeof fetch;
}

type Content = string | Uint8Array | undefined;

interface Exchange<Answer> {
  readonly content: Content;
  /** Reads a successful response. @throws UnexpectedAnswer, or the error that broke the connection */
  readonly take: (response: Response) => Promise<Answer>;
}

const LONGEST_ANSWER = 256 * 1024 * 1024;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
/** Upper bound of the server's `Retry-After`, because the server may have restarted since. */
const LONGEST_RETRY_AFTER_S = 60;
/**
 * Time between two repeated calls of one client. A worker repeats heartbeats separately, which gives two requests a
 * second together.
 */
const REPEAT_SPACING_MS = 800;
/** 408 and 429: not performed. 502 and 504: a proxy had no answer. */
const WORTH_REPEATING: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);
/** The request itself is wrong, so a retry would fail too. */
const REFUSED: ReadonlySet<number> = new Set([400, 404, 409, 413, 415, 422]);

/** Sends calls, checks the answers, and retries calls where useful: after `Retry-After`, with growing pauses. */
export class Transport {
  /** Private: it contains the key, which must not appear when a program logs the client. */
  readonly #options: TransportOptions;
  private readonly base: URL;
  private readonly longestAnswer: number;
  /** Reserved times of repeated calls, in order. Past ones are dropped. */
  private booked: readonly Milliseconds[] = [];

  /** @throws TypeError for an invalid service URL or invalid options */
  constructor(options: TransportOptions) {
    const { url, apiKey = '', longestAnswer = LONGEST_ANSWER } = options;
    // `fetch` rejects other header characters with an error that quotes the key.
    if (!/^[\u0020-\u007e]*$/.test(apiKey))
      throw new TypeError('apiKey must be printable ASCII; does it end with a line break?');
    if (!Number.isInteger(longestAnswer) || longestAnswer < 1)
      throw new TypeError(`longestAnswer must be a whole number of bytes from 1, not ${longestAnswer}`);
    this.#options = options;
    this.base = addressOf(url);
    this.longestAnswer = longestAnswer;
  }

  /** The answer, parsed. */
  json(call: Call): Promise<unknown> {
    return this.read(call, (text): unknown => JSON.parse(text));
  }

  /**
   * Sends a call and parses its answer with `read`. When `read` throws, the answer counts as missing.
   *
   * @throws ConnectionFailed, ApiError, the reason of the signal, and the body's own errors when it has no JSON form
   */
  read<Answer>(call: Call, read: (text: string) => Answer): Promise<Answer> {
    const take = async (response: Response): Promise<Answer> =>
      this.answerOf(call, { response, text: await this.textOf(call, response) }, read);
    return this.retried(call, (content) => this.once(call, { content, take }));
  }

  /** The same for an answer that is no text. */
  readBytes<Answer>(call: Call, read: (bytes: Uint8Array, headers: Headers) => Answer): Promise<Answer> {
    const take = async (response: Response): Promise<Answer> => {
      const bytes = new Uint8Array(await response.arrayBuffer());
      return this.answerOf(call, { response, text: '' }, () => read(bytes, response.headers));
    };
    return this.retried(call, (content) => this.once(call, { content, take }));
  }

  private async retried<Answer>(call: Call, tryOnce: (content: Content) => Promise<Answer>): Promise<Answer> {
    // First, so that an unsendable body fails with its own error.
    let content = contentOf(call);
    const giveUpAt = steadyNow() + this.patienceFor(call) * 1000;
    const onRetry = call.onRetry ?? this.#options.onRetry;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await tryOnce(content);
      } catch (error) {
        const length = pauseAfter(error, attempt);
        if (!mayRepeat(error, call) || steadyNow() + length > giveUpAt) throw error;
        if (attempt === 0 && call.repeatBody !== undefined) content = stringify(call.repeatBody);
        onRetry?.(error, length);
        await pause(this.spaced(length), call.signal);
      }
    }
  }

  private patienceFor({ method, wait, patience }: Call): number {
    const { patience: usual = 30, readPatience = usual } = this.#options;
    return patience ?? (method === 'GET' && wait === undefined ? readPatience : usual);
  }

  /** Opens a streaming response, without a time limit and without retries. */
  async stream(call: Call): Promise<Response> {
    const response = await this.opened(this.base.origin, call, () =>
      this.fetch(call, contentOf(call), call.signal),
    );
    if (!response.ok) throw await this.problemOf(call, response);
    return response;
  }

  /**
   * Opens a download without a time limit; repeats that as any read. A redirect is followed without the key, which is not
   * for the other server.
   */
  download(call: Call): Promise<Response> {
    return this.retried(call, async () => {
      const response = await this.opened(this.base.origin, call, () =>
        this.fetch({ ...call, takesRedirect: true }, undefined, call.signal),
      );
      const address = response.status === 307 ? response.headers.get('Location') : null;
      if (address === null) {
        if (!response.ok) throw await this.problemOf(call, response);
        return response;
      }
      return this.elsewhere(call, address);
    });
  }

  /** Errors never quote the address: its query may grant access. */
  private async elsewhere(call: Call, address: string): Promise<Response> {
    const base = this.address(call).href;
    const target = URL.canParse(address, base) ? new URL(address, base) : undefined;
    if (target === undefined || !/^https?:$/.test(target.protocol) || target.username !== '')
      throw new UnexpectedAnswer(`${call.method} ${call.path}: redirected to an invalid address`);
    const send = this.#options.fetch ?? fetch;
    const response = await this.opened(target.origin, call, () =>
      send(target, { signal: call.signal, redirect: 'error' }),
    );
    if (response.ok) return response;
    await response.body?.cancel();
    const why = `${target.origin} answered ${response.status}`;
    throw new UnexpectedAnswer(`${call.method} ${call.path}: ${why}`, retryAfterOf(response));
  }

  private async opened(origin: string, call: Call, request: () => Promise<Response>): Promise<Response> {
    try {
      return await request();
    } catch (error) {
      throw call.signal?.aborted ? reasonOf(call.signal) : unreachable(origin, call, error);
    }
  }

  private async once<Answer>(call: Call, { content, take }: Exchange<Answer>): Promise<Answer> {
    const seconds = call.timeout ?? this.#options.requestTimeout ?? 15;
    const limit = (seconds + (call.wait ?? 0)) * 1000;
    const limited = limitedSignal(limit, call.signal);
    try {
      const response = await this.fetch(call, content, limited.signal);
      if (!response.ok) throw await this.problemOf(call, response);
      return await take(response);
    } catch (error) {
      if (call.signal?.aborted) throw reasonOf(call.signal);
      if (error instanceof ApiError || error instanceof ConnectionFailed) throw error;
      throw unreachable(this.base.origin, call, error);
    } finally {
      limited.end();
    }
  }

  /** @throws UnexpectedAnswer for a response that is too long, or the error that broke the connection */
  private async textOf({ method, path }: Call, response: Response): Promise<string> {
    const text = await boundedText(response, this.longestAnswer);
    if (text !== undefined) return text;
    const why = `${this.base.origin} sent an answer of more than ${this.longestAnswer} bytes`;
    throw new UnexpectedAnswer(`${method} ${path}: ${why}`, retryAfterOf(response));
  }

  private answerOf<Answer>(
    { method, path }: Call,
    { response, text }: { readonly response: Response; readonly text: string },
    read: (text: string) => Answer,
  ): Answer {
    try {
      return read(text);
    } catch (cause) {
      const why = `${this.base.origin} sent an invalid answer: ${innermost(cause).message}`;
      throw new UnexpectedAnswer(`${method} ${path}: ${why}`, retryAfterOf(response), { cause });
    }
  }

  /** The service's problem, or an error for an answer that is not the service's. */
  private async problemOf(call: Call, response: Response): Promise<ApiError | UnexpectedAnswer> {
    const retryAfter = retryAfterOf(response);
    const text = await this.textOf(call, response);
    const body = parsed(text);
    if (isProblem(body)) {
      const error = apiError({ ...body, status: response.status });
      if (retryAfter !== undefined) askedPause.set(error, retryAfter);
      return error;
    }
    const why = `${this.base.origin} answered ${response.status} without a problem document; is this the queue service?`;
    return new UnexpectedAnswer(`${call.method} ${call.path}: ${why}`, retryAfter);
  }

  /**
   * Spaces out retries, so that a hundred simultaneous calls retry no faster than one. A call with a long `Retry-After`
   * reserves its own time and delays no other call.
   */
  private spaced(length: Milliseconds): Milliseconds {
    const now = steadyNow();
    const booked = this.booked.filter((each) => each > now - REPEAT_SPACING_MS);
    let at = now + length;
    for (const each of booked) if (Math.abs(each - at) < REPEAT_SPACING_MS) at = each + REPEAT_SPACING_MS;
    this.booked = [...booked, at].sort((one, other) => one - other);
    return at - now;
  }

  private fetch(call: Call, content: Content, signal?: AbortSignal): Promise<Response> {
    const { apiKey } = this.#options;
    const headers: Record<string, string> = { Accept: 'application/json', ...call.headers };
    if (apiKey !== undefined) headers['X-API-Key'] = apiKey;
    if (call.bytes !== undefined) headers['Content-Type'] = call.bytes.type;
    else if (content !== undefined) headers['Content-Type'] = call.text?.type ?? 'application/json';
    const send = this.#options.fetch ?? fetch;
    const init: RequestInit & { readonly duplex: 'half' } = {
      method: call.method,
      headers,
      body: call.bytes?.open() ?? content,
      signal,
      redirect: call.takesRedirect ? 'manual' : 'error',
      // For bodies that are streams.
      duplex: 'half',
    };
    return send(this.address(call), init);
  }

  private address({ path, query = {} }: Call): URL {
    const address = new URL(path.replace(/^\//, ''), this.base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) address.searchParams.set(name, String(value));
    }
    return address;
  }
}

/** @throws TypeError that never quotes the URL, because the URL may hold a password or a key */
function addressOf(url: string): URL {
  if (!URL.canParse(url)) throw new TypeError('The URL of the service must look like http://host:port');
  const address = new URL(url.endsWith('/') ? url : `${url}/`);
  if (address.username !== '' || address.password !== '')
    throw new TypeError('The URL of the service must hold no credentials: give the key as apiKey');
  const isHttp = address.protocol === 'http:' || address.protocol === 'https:';
  if (!isHttp || address.search !== '' || address.hash !== '')
    throw new TypeError(
      'The URL of the service must be http://host:port or https://host:port, optionally with a path, without a query',
    );
  return address;
}

function unreachable(origin: string, { method, path }: Call, error: unknown): ConnectionFailed {
  const message = `${method} ${path}: cannot reach ${origin}: ${describeError(error)}`;
  return new ConnectionFailed(message, { cause: brief(error) });
}

function contentOf({ text, body }: Call): Content {
  return text?.content ?? (body === undefined ? undefined : stringify(body));
}

/** The text of a response; `undefined`, with the connection closed, when it is too long. */
async function boundedText(response: Response, longest: number): Promise<string | undefined> {
  const announced = response.headers.get('Content-Length');
  if (Number(announced) > longest) {
    await response.body?.cancel();
    return undefined;
  }
  // The HTTP parser reads no more than the announced length.
  if (announced !== null && !response.headers.has('Content-Encoding')) return response.text();
  const decoder = new TextDecoder();
  const parts: string[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > longest) return undefined;
    parts.push(decoder.decode(chunk, { stream: true }));
  }
  return parts.join('') + decoder.decode();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The pause that the service requested. */
const askedPause = new WeakMap<ApiError, Milliseconds>();

/** Whole seconds only: the service sends no dates. Negative and infinite values are ignored. */
function retryAfterOf(response: Response): Milliseconds | undefined {
  const header = response.headers.get('Retry-After') ?? '';
  if (!/^\d{1,9}$/.test(header)) return undefined;
  return Math.min(Number(header), LONGEST_RETRY_AFTER_S) * 1000;
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && typeof (body as Partial<Problem>).code === 'string';
}

function mayRepeat(error: unknown, { isRepeatable = true, isStubborn = false }: Call): boolean {
  if (error instanceof ConnectionFailed) return isRepeatable;
  if (!(error instanceof ApiError)) return false;
  // `not_found` means an unknown route: the address is wrong, or the service is an old version. Both may be temporary.
  if (isStubborn && isRepeatable) return !REFUSED.has(error.status) || error.code === 'not_found';
  if (!WORTH_REPEATING.has(error.status)) return false;
  return isRepeatable || error.status === 429 || error.applied === false;
}

/** Grows with each attempt and varies per caller, so that clients that failed together do not retry together. */
function pauseAfter(error: unknown, attempt: number): Milliseconds {
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
  let asked: Milliseconds | undefined;
  if (error instanceof ApiError) asked = askedPause.get(error);
  if (error instanceof UnexpectedAnswer) asked = error.retryAfter;
  return (asked ?? 0) + longest * (0.5 + Math.random() / 2);
}
