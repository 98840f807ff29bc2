import type { ProcessingTask, Task } from '../task/task.js';

/**
 * Drivers keep a log in blocks of this many bytes, and the ring drops whole blocks. A block with its checksum and header
 * fills two pages of LMDB, and an allocation class of Redis. Part of both formats: never change it.
 */
export const LOG_BLOCK_BYTES = 8_160;

/** The largest part that one `read` returns, in bytes. */
export const LOG_READ_BYTES = 262_144;

/** How much of the logs of a task is kept. */
export interface LogLimits {
  /** Bytes per attempt. Above this number the store drops the oldest blocks and keeps the end. */
  readonly maxBytes: number;
  /** Attempts with a log. Above this number the store drops the log of the oldest attempt. */
  readonly maxAttempts: number;
}

export const DEFAULT_LOG_LIMITS: LogLimits = { maxBytes: 1_048_576, maxAttempts: 20 };

/** Bytes to append. */
export interface LogChunk {
  /** The task as the caller read it. Its lease must still hold the task. */
  readonly task: ProcessingTask;
  /** How many bytes this attempt sent before these; without it, they go to the end. */
  readonly offset?: number;
  readonly bytes: Buffer;
}

/**
 * - `appended`: every byte of the chunk was sent and is durable.
 * - `misplaced`: there is a gap before the chunk, or other bytes at its place. Nothing changed.
 * - `stale`: the lease holds the task no longer. Nothing changed.
 */
export type LogAppended =
  { readonly outcome: 'appended' | 'misplaced'; readonly size: number } | { readonly outcome: 'stale' };

/** What is kept of the log of one attempt. */
export interface LogExtent {
  readonly attempt: number;
  /** Offset of the oldest byte that is kept. */
  readonly first: number;
  /** All bytes that the attempt sent. */
  readonly size: number;
}

export interface LogRange {
  readonly attempt: number;
  readonly offset: number;
  /** At most this many bytes, and at most `LOG_READ_BYTES`. */
  readonly limit: number;
}

export interface LogPart extends LogExtent {
  /** Offset of the first byte in `bytes`: that of the range, or `first` when older bytes were asked for. */
  readonly offset: number;
  readonly bytes: Buffer;
}

/** A part of a log of another store. */
export interface RestoredLog {
  readonly attempt: number;
  readonly offset: number;
  readonly bytes: Buffer;
}

/**
 * The logs of attempts: bytes as they were sent, kept and removed with their task. Every driver promises:
 *
 * - **Durability.** An append resolves when it is as durable as a write of the task.
 * - **Fencing.** An append happens only while its lease holds the task, decided in the step that writes it. After the
 *   attempt has ended, its log never changes.
 * - **Idempotence.** A chunk that is there already, wholly or in part, changes nothing twice. Bytes that the ring has
 *   dropped cannot be compared and count as equal.
 * - **Retention.** The kept bytes of a log count towards `retentionMaxBytes` once its task has ended.
 *
 * All methods reject with `StoreUnavailable` while the store is unavailable.
 */
export abstract class TaskLogs {
  /** Whether `onAppend` reports the appends of every process. If not, followers must read again from time to time. */
  abstract readonly reportsEveryProcess: boolean;

  abstract append(chunk: LogChunk): Promise<LogAppended>;

  /** A part of the log of an attempt; empty when the attempt has no log or the task was removed. */
  abstract read(task: Task, range: LogRange): Promise<LogPart>;

  /** The logs of a task, oldest attempt first. */
  abstract list(task: Task): Promise<readonly LogExtent[]>;

  /**
   * Appends a part of a log of another store, whatever the state of the task. Parts come in order; the first one may begin
   * at any multiple of `LOG_BLOCK_BYTES`.
   */
  abstract restore(task: Task, log: RestoredLog): Promise<void>;

  /** Calls `listener` with the id of a task after each durable append. It must not throw. */
  abstract onAppend(listener: (id: string) => void): void;
}

/** What an append adds to a log: where its new bytes begin, and those bytes; `undefined` for a misplaced chunk. */
export type Placement = { readonly at: number; readonly fresh: Buffer } | undefined;

/**
 * Compares a chunk with a log.
 *
 * @param kept reads kept bytes, from `start` to `end`
 */
export function placeChunk(
  { first, size }: Omit<LogExtent, 'attempt'>,
  { offset = size, bytes }: Pick<LogChunk, 'offset' | 'bytes'>,
  kept: (start: number, end: number) => Buffer,
): Placement {
  if (offset > size) return undefined;
  const overlap = Math.min(size - offset, bytes.length);
  const from = Math.max(offset, first);
  const end = offset + overlap;
  const isEqual = from >= end || kept(from, end).equals(bytes.subarray(from - offset, overlap));
  return isEqual ? { at: size, fresh: bytes.subarray(overlap) } : undefined;
}

/** Offset of the oldest byte that the ring keeps of a log of this size. */
export function oldestKept({ first, size }: Omit<LogExtent, 'attempt'>, maxBytes: number): number {
  const excess = Math.ceil((size - maxBytes) / LOG_BLOCK_BYTES);
  const last = Math.ceil(size / LOG_BLOCK_BYTES) - 1;
  return Math.max(first, Math.min(excess, last) * LOG_BLOCK_BYTES);
}
