import { createHash } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { deserialize, serialize } from 'node:v8';
import { crc32 } from 'node:zlib';
import { VERSION } from '../../version.js';
import { fileIn, sync } from './lmdb-file.js';
import type { IndexDump } from './task-index.js';
import type { TaskNumber } from './task-number.js';

/** Raised with every change of `IndexDump`. */
export const SNAPSHOT_FORMAT = 1;

/** Bytes that begin with both meta pages of an LMDB file, whatever the size of its pages. */
const META_BYTES = 131_072;

/** Milliseconds. File systems record times in steps of up to 10 ms, so a second change within one step would not show. */
const SETTLE_MS = 20;

/** Everything that a start would otherwise read from the records. */
export interface StoreSnapshot {
  readonly index: IndexDump;
  /** The youngest task number ever given. */
  readonly lastNumber: TaskNumber;
}

/*
 * Layout: 0 u32 CRC-32 of everything after it, little endian   4 u32 length of the key
 *         8 the key in UTF-8: what made the snapshot, and the file that it describes   then the snapshot by v8.serialize
 */
const CHECKED_FROM = 4;
const KEY_FROM = 8;

function snapshotIn(directory: string): string {
  return join(directory, 'index.snapshot');
}

/**
 * Writes a snapshot of the indices beside the closed file of a store. The next start uses it only if the file has not
 * changed since.
 */
export async function saveSnapshot(
  directory: string,
  snapshot: StoreSnapshot,
  settleMs = SETTLE_MS,
): Promise<void> {
  const path = snapshotIn(directory);
  await wait(settleMs);
  const key = Buffer.from(keyOf(directory));
  const head = Buffer.alloc(KEY_FROM);
  head.writeUInt32LE(key.length, CHECKED_FROM);
  const bytes = Buffer.concat([head, key, serialize(snapshot)]);
  bytes.writeUInt32LE(crc32(bytes.subarray(CHECKED_FROM)), 0);
  const fresh = `${path}.new`;
  try {
    writeFileSync(fresh, bytes, { mode: 0o600 });
    sync(fresh);
    renameSync(fresh, path);
    sync(directory);
  } finally {
    rmSync(fresh, { force: true });
  }
}

/**
 * The snapshot of a store that was closed cleanly and has not changed since. Reading it removes it, so it serves one
 * start. Call this before anything opens the file.
 *
 * @returns the snapshot; `none` when there is none; otherwise why it was refused
 */
export function takeSnapshot(directory: string): StoreSnapshot | 'none' | { readonly refused: string } {
  const path = snapshotIn(directory);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'none';
    return { refused: (error as Error).message };
  } finally {
    rmSync(path, { force: true, recursive: true });
  }
  const isWhole = bytes.length > KEY_FROM && crc32(bytes.subarray(CHECKED_FROM)) === bytes.readUInt32LE(0);
  if (!isWhole) return { refused: 'it does not match its checksum' };
  const keyEnd = KEY_FROM + bytes.readUInt32LE(CHECKED_FROM);
  if (bytes.toString('utf8', KEY_FROM, keyEnd) !== keyOf(directory))
    return { refused: 'it was made for another file or by another version' };
  return deserialize(bytes.subarray(keyEnd)) as StoreSnapshot;
}

/**
 * Identifies one state of one file by its device, inode, size and times, and by its meta pages, of which every commit
 * writes one. A copy has another inode. A write changes `ctime`, even if a program then restores the size and `mtime`.
 */
function keyOf(directory: string): string {
  let file: number;
  try {
    file = openSync(fileIn(directory), 'r');
  } catch {
    return '';
  }
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = fstatSync(file, { bigint: true });
    const meta = Buffer.alloc(META_BYTES);
    readSync(file, meta, 0, META_BYTES, 0);
    const digest = createHash('sha256').update(meta).digest('hex');
    const maker = [SNAPSHOT_FORMAT, VERSION, process.versions.v8];
    return [...maker, dev, ino, size, mtimeNs, ctimeNs, digest].join(' ');
  } finally {
    closeSync(file);
  }
}
