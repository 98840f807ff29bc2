import type { Ms } from '../support/history.js';
import type { Exchange } from './http.wire.js';
import { patience } from './patience.js';

/** What a request may take beyond the time that it asked to wait (INV-22). */
const REPLY_LIMIT_MS = 5_000;
/** What was under way when the service was back may still end in vain. */
const AFTERMATH_MS = 2_500;

/** What clients must put up with while a fault lasts, and never else. */
export interface Tolerance {
  /** Who may answer 503. */
  readonly refusals: 'both' | 'first' | 'nobody';
  /** Only enqueues may be refused, also with 429. */
  readonly onlyEnqueues?: boolean;
  /** The first replica itself is hit: it may not answer at all. */
  readonly mayBeMute?: boolean;
}

/** From the fault until the service was back. */
export interface Span {
  readonly t0: Ms;
  readonly t1: Ms;
}

interface Doubt {
  readonly exchange: Exchange;
  readonly kind: 'refused' | 'mute' | 'bad' | 'slow';
  readonly text: string;
}

export interface Complaints {
  /** Wrong, however slow the machine is. */
  readonly wrong: string[];
  /** Wrong on a machine that has time for it: a busy one lets a store seem to be away. */
  readonly late: string[];
}

/** Judges each answer by itself: its time, its status, and what an answer that refuses must say. */
export class ReplyJudge {
  /** Requests that were refused or not answered. */
  inVain = 0;
  private readonly doubts: Doubt[] = [];

  see(exchange: Exchange): void {
    const { status, isRefused } = exchange.reply;
    if (status === undefined) {
      this.inVain += 1;
      this.note(exchange, 'mute', isRefused ? 'refused the connection' : 'gave no answer');
    } else if (status === 503 || status === 429) {
      this.inVain += 1;
      this.note(exchange, 'refused', `answered ${status}`);
      for (const text of faultsOfRefusal(exchange)) this.note(exchange, 'bad', text);
    } else if (status >= 500) this.note(exchange, 'bad', `answered ${status}`);
    const took = exchange.t1 - exchange.t0;
    const limit = waitOf(exchange) + REPLY_LIMIT_MS * patience();
    if (took > limit)
      this.note(exchange, status === undefined ? 'mute' : 'slow', `took ${Math.round(took)} ms`);
  }

  /** What was wrong, given when the faults were. */
  complaints(faults: readonly Span[], tolerance: Tolerance, firstPort: number): Complaints {
    const isDuring = ({ t0, t1 }: Exchange) =>
      faults.some((fault) => t0 <= fault.t1 + AFTERMATH_MS && t1 >= fault.t0);
    const isExcused = ({ exchange, kind }: Doubt) => {
      if (kind === 'bad' || kind === 'slow' || !isDuring(exchange)) return false;
      const isFirst = exchange.port === firstPort;
      if (kind === 'mute') return isFirst && tolerance.mayBeMute === true;
      if (tolerance.onlyEnqueues && !isEnqueue(exchange)) return false;
      return tolerance.refusals === 'both' || (tolerance.refusals === 'first' && isFirst);
    };
    const tell = ({ exchange: { method, path, t0, port }, text }: Doubt) => {
      const which = port === firstPort ? 'first' : 'second';
      return `INV-22: ${method} ${path} at ${(t0 / 1000).toFixed(3)} s, the ${which} replica ${text}`;
    };
    const doubts = this.doubts.filter((doubt) => !isExcused(doubt));
    return {
      wrong: doubts.filter(({ kind }) => kind === 'bad').map(tell),
      late: doubts.filter(({ kind }) => kind !== 'bad').map(tell),
    };
  }

  private note(exchange: Exchange, kind: Doubt['kind'], text: string): void {
    this.doubts.push({ exchange, kind, text });
  }
}

function isEnqueue({ method, path }: Exchange): boolean {
  return method === 'POST' && (path === '/tasks' || path === '/tasks/batch');
}

function waitOf({ path, body }: Exchange): Ms {
  const inPath = new URLSearchParams(path.split('?')[1] ?? '').get('wait');
  const inBody = (body as { wait?: number } | null | undefined)?.wait;
  return Number(inPath ?? inBody ?? 0) * 1000;
}

/** Whoever is refused is told when to come back, and whether anything was done. */
function faultsOfRefusal({ reply: { status, headers, body } }: Exchange): string[] {
  const { code, applied } = (body ?? {}) as { code?: unknown; applied?: unknown };
  const isProblem = headers['content-type'] === 'application/problem+json' && typeof code === 'string';
  return [
    ...(isProblem ? [] : [`answered ${status} without a problem document`]),
    ...(/^[1-9]\d*$/.test(headers['retry-after'] ?? '') ? [] : [`answered ${status} without Retry-After`]),
    ...(status === 429 || applied === false || applied === 'unknown'
      ? []
      : [`answered ${status} without saying whether it was applied`]),
  ];
}
