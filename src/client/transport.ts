import { limitedSignal, pause, reasonOf } from './abort.js';
import type { Problem } from './api.generated.js';
import { ApiError, apiError, ConnectionFailed, UnexpectedAnswer } from './errors.js';
import { stringify } from './json-text.js';
import { type Milliseconds, steadyNow } from './steady-clock.js';

export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly text?: { readonly type: string; readonly content: string };
  readonly headers?: Readonly<Record<string, string>>;
  /** Seconds that the service may take on purpose: a long poll. */
  readonly wait?: number;
  /** False: it is not sent again when it may have been carried out. By default a repeated call does no harm. */
  readonly isRepeatable?: boolean;
  /**
   * It outlasts refused keys and addresses that are gone, too, and ends only with an answer or a refusal of the request
   * itself. For workers.
   */
  readonly isStubborn?: boolean;
  /** Seconds to go on trying, instead of the client's. */
  readonly patience?: number;
  /** Seconds for one answer, instead of the client's. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  /** Told before each pause that comes before another try. */
  readonly onRetry?: (error: unknown, pause: Milliseconds) => void;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface TransportOptions {
  /** Where the service is; a path in it is kept. */
  readonly url: string;
  readonly apiKey?: string;
  /** Seconds for one answer, a wait on purpose not counted. Default 15. */
  readonly requestTimeout?: number;
  /** Seconds to go on when the service is unreachable, full or restarting. Default 30; 0 tries once. */
  readonly patience?: number;
  /**
   * Bytes of one answer that are read, unpacked; a longer one counts as no answer. Default 268435456 (256 MiB), room for a
   * claim of the 100 largest tasks that the service takes by default.
   */
  readonly longestAnswer?: number;
  readonly fetch?: typeof fetch;
}

interface Exchange<Answer> {
  readonly content: string | undefined;
  /** @throws when the text is not an answer to this call */
  readonly read: (text: string) => Answer;
}

const LONGEST_ANSWER = 256 * 1024 * 1024;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
/** A server that asks for more is asked again after this: it may have been restarted since. */
const LONGEST_RETRY_AFTER_S = 60;
/** Between two repeated calls of one client. A worker repeats its heartbeats beside them; together that is two a second. */
const REPEAT_SPACING_MS = 800;
/** 408 and 429: not carried out. 502 and 504: a proxy had no answer. */
const WORTH_REPEATING: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);
/** The request itself is at fault, so another try would end the same way. */
const REFUSED: ReadonlySet<number> = new Set([400, 404, 409, 413, 415, 422]);

/** Sends calls, checks their answers, and repeats a call where that helps: after `Retry-After`, with pauses that grow. */
export class Transport {
  /** Not a property that a log of the client would show: the key is in it. */
  readonly #options: TransportOptions;
  private readonly base: URL;
  private readonly longestAnswer: number;
  /** Moments that repeated calls were given, in order; those that are over are dropped. */
  private booked: readonly Milliseconds[] = [];

  /** @throws TypeError for a URL that is not one of a service, and for options that no client can use */
  constructor(options: TransportOptions) {
    const { url, apiKey = '', longestAnswer = LONGEST_ANSWER } = options;
    // A header with anything else is refused by an error that quotes it.
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
   * What `read` makes of the answer. An answer that it throws at is not the service's, or not one to this call, and counts
   * as none.
   *
   * @throws ConnectionFailed, ApiError, the reason of the signal, and what the body throws when it cannot be JSON
   */
  async read<Answer>(call: Call, read: (text: string) => Answer): Promise<Answer> {
    // First, so that what JSON cannot say is told to the caller as what it is.
    const content = contentOf(call);
    const patience = call.patience ?? this.#options.patience ?? 30;
    const giveUpAt = steadyNow() + patience * 1000;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.once(call, { content, read });
      } catch (error) {
        const length = pauseAfter(error, attempt);
        if (!mayRepeat(error, call) || steadyNow() + length > giveUpAt) throw error;
        call.onRetry?.(error, length);
        await pause(this.spaced(length), call.signal);
      }
    }
  }

  /** Opens an answer that goes on; it is not limited in time and not repeated. */
  async stream(call: Call): Promise<Response> {
    const response = await this.fetch(call, contentOf(call), call.signal);
    if (!response.ok) throw await this.problemOf(call, response);
    return response;
  }

  private async once<Answer>(call: Call, { content, read }: Exchange<Answer>): Promise<Answer> {
    const seconds = call.timeout ?? this.#options.requestTimeout ?? 15;
    const limit = (seconds + (call.wait ?? 0)) * 1000;
    const limited = limitedSignal(limit, call.signal);
    try {
      const response = await this.fetch(call, content, limited.signal);
      if (!response.ok) throw await this.problemOf(call, response);
      return this.answerOf(call, { response, text: await this.textOf(call, response) }, read);
    } catch (error) {
      if (call.signal?.aborted) throw reasonOf(call.signal);
      if (error instanceof ApiError || error instanceof ConnectionFailed) throw error;
      const message = `${call.method} ${call.path}: cannot reach ${this.base.origin}: ${innermost(error)}`;
      throw new ConnectionFailed(message, { cause: error });
    } finally {
      limited.end();
    }
  }

  /** @throws UnexpectedAnswer for an answer that is too long, and what broke the connection */
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
      const why = `${this.base.origin} sent an answer that does not fit the call: ${innermost(cause)}`;
      throw new UnexpectedAnswer(`${method} ${path}: ${why}`, retryAfterOf(response), { cause });
    }
  }

  /** The problem of the service, or that it was not the service that answered. */
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
   * A client that makes a hundred calls at once repeats them as seldom as one that makes a single. A call that was told to
   * wait for a minute keeps its own moment free, and holds up no other.
   */
  private spaced(length: Milliseconds): Milliseconds {
    const now = steadyNow();
    const booked = this.booked.filter((each) => each > now - REPEAT_SPACING_MS);
    let at = now + length;
    for (const each of booked) if (Math.abs(each - at) < REPEAT_SPACING_MS) at = each + REPEAT_SPACING_MS;
    this.booked = [...booked, at].sort((one, other) => one - other);
    return at - now;
  }

  private fetch(call: Call, content: string | undefined, signal?: AbortSignal): Promise<Response> {
    const { apiKey } = this.#options;
    const headers: Record<string, string> = { Accept: 'application/json', ...call.headers };
    if (apiKey !== undefined) headers['X-API-Key'] = apiKey;
    if (content !== undefined) headers['Content-Type'] = call.text?.type ?? 'application/json';
    const send = this.#options.fetch ?? fetch;
    return send(this.address(call), {
      method: call.method,
      headers,
      body: content,
      signal,
      redirect: 'error',
    });
  }

  private address({ path, query = {} }: Call): URL {
    const address = new URL(path.replace(/^\//, ''), this.base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) address.searchParams.set(name, String(value));
    }
    return address;
  }
}

/** @throws TypeError, which never quotes what may hold a password or a key */
function addressOf(url: string): URL {
  if (!URL.canParse(url)) throw new TypeError('The URL of the service must look like http://host:port');
  const address = new URL(url.endsWith('/') ? url : `${url}/`);
  if (address.username !== '' || address.password !== '')
    throw new TypeError('The URL of the service must hold no credentials: give the key as apiKey');
  const isHttp = address.protocol === 'http:' || address.protocol === 'https:';
  if (!isHttp || address.search !== '' || address.hash !== '')
    throw new TypeError(
      'The URL of the service must be http://host:port, or https, maybe with a path, and without a query',
    );
  return address;
}

function contentOf({ text, body }: Call): string | undefined {
  return text?.content ?? (body === undefined ? undefined : stringify(body));
}

/** Nothing for an answer of more bytes; its connection is closed. */
async function boundedText(response: Response, longest: number): Promise<string | undefined> {
  const announced = response.headers.get('Content-Length');
  if (Number(announced) > longest) {
    await response.body?.cancel();
    return undefined;
  }
  // The parser of the protocol reads no byte more than was announced.
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

/** How long the service asked to wait with the next try. */
const askedPause = new WeakMap<ApiError, Milliseconds>();

/** Only whole seconds count: the service sends no dates, and a negative or endless wait is no wait. */
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
  // A 404 that names no task comes from a wrong address or an old version: both may pass.
  if (isStubborn && isRepeatable) return !REFUSED.has(error.status) || error.code === 'not_found';
  if (!WORTH_REPEATING.has(error.status)) return false;
  return isRepeatable || error.status === 429 || error.applied === false;
}

/** Grows with the attempts, and differs from caller to caller: those who failed together do not come back together. */
function pauseAfter(error: unknown, attempt: number): Milliseconds {
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
  let asked: Milliseconds | undefined;
  if (error instanceof ApiError) asked = askedPause.get(error);
  if (error instanceof UnexpectedAnswer) asked = error.retryAfter;
  return (asked ?? 0) + longest * (0.5 + Math.random() / 2);
}

/** `fetch` says no more than "fetch failed"; what happened is in its cause. */
function innermost(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? innermost(error.cause) : error.message;
}
