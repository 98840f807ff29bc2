import { pause } from './abort.js';
import { steadyNow } from './steady-clock.js';

/** What to read of a log. */
export interface LogQuery {
  /** By default the latest attempt. */
  readonly attempt?: number;
  /** The first byte to read, counted from the first byte that the attempt sent. */
  readonly offset?: number;
  readonly limit?: number;
  /** Seconds to wait for a byte at the offset, or for the end of the attempt. */
  readonly wait?: number;
  readonly signal?: AbortSignal;
}

/** A part of the log of an attempt. */
export interface LogPart {
  readonly attempt: number;
  /** Offset of the first byte in `bytes`; older bytes than `first` are gone. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** All bytes that the attempt has sent. */
  readonly size: number;
  /** Offset of the oldest byte that is kept. */
  readonly first: number;
  /** Whether the attempt has ended: then its log is complete. */
  readonly ended: boolean;
}

/** Where to begin, and what ends the reading. */
export interface FollowOptions {
  readonly attempt?: number;
  readonly signal?: AbortSignal;
}

interface LogSource {
  readonly read: (query: LogQuery) => Promise<LogPart>;
  /** Whether the task has ended. */
  readonly hasEnded: () => Promise<boolean>;
}

/** Bytes of one read. */
const PART_BYTES = 262_144;
const WAIT_SECONDS = 20;
/** Between two reads that brought nothing, such as of a service that is shutting down. */
const REST_MS = 1_000;

/** @throws when a header is missing: the answer is not one of the service */
export function readLogPart(bytes: Uint8Array, headers: Headers, query: LogQuery): LogPart {
  const number = (name: string): number => {
    const text = headers.get(name) ?? '';
    if (!/^\d{1,16}$/.test(text)) throw new Error(`the header ${name} is missing`);
    return Number(text);
  };
  const [attempt, size, first] = [number('X-Log-Attempt'), number('X-Log-Size'), number('X-Log-First')];
  const offset = Math.min(Math.max(query.offset ?? 0, first), size);
  return { attempt, offset, bytes, size, first, ended: headers.get('X-Log-Ended') === 'true' };
}

/** All parts of a log as they come, attempt after attempt, until the task has ended. */
export async function* followParts(
  { read, hasEnded }: LogSource,
  { attempt: begin, signal }: FollowOptions,
): AsyncGenerator<LogPart, void, undefined> {
  let attempt = begin;
  let offset = 0;
  for (;;) {
    const askedAt = steadyNow();
    const part = await read({ attempt, offset, limit: PART_BYTES, wait: WAIT_SECONDS, signal });
    attempt = part.attempt;
    offset = part.offset + part.bytes.length;
    if (part.bytes.length > 0) yield part;
    if (offset < part.size) continue;
    if (!part.ended) {
      if (part.bytes.length === 0 && steadyNow() - askedAt < REST_MS) await pause(REST_MS, signal);
      continue;
    }
    // Asked first: an attempt that begins in between is the latest one then.
    const isOver = await hasEnded();
    const latest = await read({ limit: 1, signal });
    if (latest.attempt > attempt) {
      attempt += 1;
      offset = 0;
    } else if (isOver) return;
    else await pause(REST_MS, signal);
  }
}
