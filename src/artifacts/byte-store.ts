import { randomBytes, hash } from 'node:crypto';
import type { Readable } from 'node:stream';

/** The bytes of an artifact from `from` to `to`, both included. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** How a client downloads an artifact. */
export interface DownloadAs {
  readonly contentType: string;
  readonly contentDisposition: string;
}

/** Bytes in the store, complete or left by an interrupted upload. */
export interface StoredBytes {
  readonly key: ByteKey;
  /** Changes while an upload writes. */
  readonly stamp: string;
  /** Whether an upload had not ended. */
  readonly isPart: boolean;
  /** Names the upload, in stores that need it to remove its parts. */
  readonly uploadId?: string;
  /** Milliseconds without a change after which an upload counts as interrupted; by default some minutes. */
  readonly patienceMs?: number;
}

/** The name under which a place says which service it belongs to. */
export const OWNER_NAME = 'owner';

/**
 * The place of the bytes of one upload: two hexadecimal digits, a slash, the SHA-256 of the task id, a hyphen and 128
 * random bits. No text of a client is part of it, so it is a valid name everywhere. A key is used once, so the bytes
 * under it never change.
 */
export type ByteKey = string;

const KEY = /^[0-9a-f]{2}\/([0-9a-f]{64})-[0-9a-f]{32}$/;

export function newKey(taskId: string): ByteKey {
  const owner = ownerOf(taskId);
  return `${owner.slice(0, 2)}/${owner}-${randomBytes(16).toString('hex')}`;
}

/** The part of a key that its task determines. */
export function ownerOf(taskId: string): string {
  return hash('sha256', taskId);
}

/** The part of a key that its task determines; `undefined` if the text is not a key. */
export function ownerIn(text: string): string | undefined {
  return KEY.exec(text)?.[1];
}

/**
 * Keeps the bytes of artifacts. A record in the store of tasks says which bytes are an artifact.
 *
 * All methods reject with `StoreUnavailable` while the place is unavailable.
 */
export abstract class ByteStore {
  /** Whether other processes write to the same place. */
  abstract readonly isShared: boolean;

  /**
   * Stores all chunks under a new key, with flat memory. Resolves when they are durable. Rejects with the error of
   * `chunks` and keeps nothing then; only a crash can leave bytes, which the sweep removes.
   */
  abstract put(key: ByteKey, chunks: AsyncIterable<Buffer>): Promise<void>;

  /** The bytes; `undefined` when there are none under this key. */
  abstract read(key: ByteKey, range?: ByteRange): Promise<Readable | undefined>;

  /** An address that serves the bytes for some minutes; `undefined` when only `read` serves them. */
  abstract addressOf(key: ByteKey, as: DownloadAs): Promise<string | undefined>;

  /** Removes the bytes; a missing key is no error. */
  abstract remove(key: ByteKey): Promise<void>;

  /** Removes what an interrupted upload left. */
  abstract removePart(part: StoredBytes): Promise<void>;

  /** Everything in the store, in steps: each array is one step of bounded size. */
  abstract list(): AsyncIterable<readonly StoredBytes[]>;

  /** The text of `writeOwner`; `undefined` in a new place. */
  abstract readOwner(): Promise<string | undefined>;

  abstract writeOwner(owner: string): Promise<void>;
}
