import { limitedSignal, pause, reasonOf } from './abort.js';
import { ApiError, apiError, ConnectionFailed } from './errors.js';
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
  /** Seconds to go on when the service is away, full or restarting. Default 30; 0 tries once. */
  readonly patience?: number;
  readonly fetch?: typeof fetch;
}

interface Exchange<Answer> {
  readonly content: string | undefined;
  /** @throws when the text is no answer */
  readonly read: (text: string) => Answer;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
/** 408 and 429: not carried out. 502 and 504: what stands between had no answer. */
const WORTH_REPEATING = new Set([408, 429, 502, 503, 504]);

/** Sends calls, again where that helps: after `Retry-After`, or with pauses that grow. */
export class Transport {
  private readonly base: URL;

  constructor(private readonly options: TransportOptions) {
    this.base = new URL(options.url.endsWith('/') ? options.url : `${options.url}/`);
  }

  /** The answer, parsed. What is no JSON does not come from the service, and counts as no answer. */
  json(call: Call): Promise<unknown> {
    return this.answer(call, (text): unknown => (text === '' ? undefined : JSON.parse(text)));
  }

  /** The answer as the text it came in. */
  text(call: Call): Promise<string> {
    return this.answer(call, (text) => text);
  }

  private async answer<Answer>(call: Call, read: (text: string) => Answer): Promise<Answer> {
    // First, so that what JSON cannot say is told to the caller as what it is.
    const content = contentOf(call);
    const patience = call.patience ?? this.options.patience ?? 30;
    const giveUpAt = steadyNow() + patience * 1000;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.once(call, { content, read });
      } catch (error) {
        const length = pauseAfter(error, attempt);
        if (!mayRepeat(error, call) || steadyNow() + length > giveUpAt) throw error;
        call.onRetry?.(error, length);
        await pause(length, call.signal);
      }
    }
  }

  /** Opens an answer that goes on; it is not limited in time and not repeated. */
  async stream(call: Call): Promise<Response> {
    const response = await this.fetch(call, contentOf(call), call.signal);
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  private async once<Answer>(call: Call, { content, read }: Exchange<Answer>): Promise<Answer> {
    const seconds = call.timeout ?? this.options.requestTimeout ?? 15;
    const limit = (seconds + (call.wait ?? 0)) * 1000;
    const limited = limitedSignal(limit, call.signal);
    try {
      const response = await this.fetch(call, content, limited.signal);
      if (!response.ok) throw await problemOf(response);
      return read(await response.text());
    } catch (error) {
      if (call.signal?.aborted) throw reasonOf(call.signal);
      if (error instanceof ApiError) throw error;
      throw new ConnectionFailed(`${call.method} ${call.path}: ${innermost(error)}`, { cause: error });
    } finally {
      limited.end();
    }
  }

  private fetch(call: Call, content: string | undefined, signal?: AbortSignal): Promise<Response> {
    const { apiKey } = this.options;
    const headers: Record<string, string> = { Accept: 'application/json', ...call.headers };
    if (apiKey !== undefined) headers['X-API-Key'] = apiKey;
    if (content !== undefined) headers['Content-Type'] = call.text?.type ?? 'application/json';
    const send = this.options.fetch ?? fetch;
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

function contentOf({ text, body }: Call): string | undefined {
  return text?.content ?? (body === undefined ? undefined : JSON.stringify(body));
}

/** When the service asked for a pause, that long at least. */
const retryAfter = new WeakMap<ApiError, Milliseconds>();

async function problemOf(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => undefined);
  const problem = typeof body === 'object' && body !== null ? body : {};
  const error = apiError({ ...problem, status: response.status });
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN);
  if (Number.isFinite(seconds)) retryAfter.set(error, seconds * 1000);
  return error;
}

function mayRepeat(error: unknown, { isRepeatable = true }: Call): boolean {
  if (error instanceof ConnectionFailed) return isRepeatable;
  if (!(error instanceof ApiError) || !WORTH_REPEATING.has(error.status)) return false;
  return isRepeatable || error.status === 429 || error.applied === false;
}

/** Grows with the attempts, and differs from caller to caller: those who failed together do not come back together. */
function pauseAfter(error: unknown, attempt: number): Milliseconds {
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
  const asked = error instanceof ApiError ? (retryAfter.get(error) ?? 0) : 0;
  return asked + longest * (0.5 + Math.random() / 2);
}

/** `fetch` says no more than "fetch failed"; what happened is in its cause. */
function innermost(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? innermost(error.cause) : error.message;
}
