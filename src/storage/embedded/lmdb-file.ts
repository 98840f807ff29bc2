import { closeSync, fsyncSync, lstatSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, type Key, open, type RootDatabase } from 'lmdb';
import { type ClearFilter, ClearMarks } from './clear-marks.js';
import { mendWriteReport } from './lmdb-report.js';
import { bytesOf, DamagedValue, SEALED_JSON } from './sealed-value.js';

/** Only the owner may read payloads. lmdb accepts this option; its type declarations omit it. */
const OWNER_ONLY = { permissionsMode: 0o600 };

/** Named tables that the file may have. LMDB keeps no such number in the file. */
export const MOST_TABLES = 32;

export const TASKS_TABLE = 'tasks';
export const CLEARS_TABLE = 'clears';
export const CHECKPOINTS_TABLE = 'checkpoints';
export const BATCH_TASKS_TABLE = 'batchTasks';

export interface FileOptions {
  /**
   * Maps the file in pieces and unmaps them again, so that a small process can serve a queue of any size. A whole
   * mapping reads nearly twice as fast, but its pages count as process memory until it is closed.
   */
  readonly isInPieces: boolean;
}

export function fileIn(directory: string): string {
  return join(directory, 'queue.mdb');
}

export function openFile(directory: string, { isInPieces }: FileOptions): RootDatabase {
  mendWriteReport();
  return open({
    path: fileIn(directory),
    noSubdir: true,
    maxDbs: MOST_TABLES,
    overlappingSync: false,
    remapChunks: isInPieces,
    ...OWNER_ONLY,
  });
}

/** Creates a missing file. The file gets its name only when it is complete and on disk. */
export async function ensureFile(directory: string): Promise<void> {
  // A dangling link is not a missing file: its disk may be unmounted.
  if (lstatSync(fileIn(directory), { throwIfNoEntry: false }) !== undefined) return;
  const fresh = join(directory, 'new');
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { mode: 0o700 });
  const root = openFile(fresh, { isInPieces: false });
  openTable(root, TASKS_TABLE, {});
  await root.close();
  putInPlace(fileIn(fresh), directory);
  rmSync(fresh, { recursive: true });
}

/** Names a file in a directory after its bytes are on disk. The name is durable when this returns. */
export function putInPlace(file: string, directory: string): void {
  sync(file);
  renameSync(file, fileIn(directory));
  sync(directory);
}

/** Waits until a file, or the names in a directory, are on disk. */
export function sync(path: string): void {
  const opened = openSync(path, 'r');
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}

export function decodedBy<Value>(decode: (record: Buffer) => Value) {
  return {
    encode: (record: unknown) => record as Buffer,
    decode: (bytes: Uint8Array) => decode(bytesOf(bytes)),
  };
}

/**
 * The same for reading many records: a damaged one is returned as its `DamagedValue` and does not stop the iteration.
 */
export function decodedWell<Value>(decode: (record: Buffer) => Value) {
  return decodedBy((record): Value | DamagedValue => {
    try {
      return decode(record);
    } catch (error) {
      if (error instanceof DamagedValue) return error;
      throw error;
    }
  });
}

export function openTable<Value, TableKey extends Key>(
  root: RootDatabase,
  name: string,
  options: object,
): Database<Value, TableKey> {
  return root.openDB<Value, TableKey>({ name, ...options });
}

/**
 * Writes the newest committed state of the file into an empty directory, page by page, or without its free pages. Other
 * processes may use the file meanwhile.
 */
export async function copyFile(
  directory: string,
  target: string,
  { isCompact }: { readonly isCompact: boolean },
): Promise<void> {
  const root = open({ path: fileIn(directory), noSubdir: true, readOnly: true, maxDbs: MOST_TABLES });
  try {
    await root.backup(fileIn(target), isCompact);
  } finally {
    await root.close();
  }
}

/** Reads the marks of clears whose records may still be in the file. No other process may have the file open. */
export async function readMarks(directory: string): Promise<ClearMarks> {
  const marks = new ClearMarks();
  const root = openFile(directory, { isInPieces: false });
  try {
    const clears = openTable<ClearFilter, number>(root, CLEARS_TABLE, { encoder: SEALED_JSON });
    for (const { key, value } of clears.getRange()) marks.add(key, value);
  } finally {
    await root.close();
  }
  return marks;
}

/** Number of records of tasks. No other process may have the file open. */
export async function countRecords(directory: string): Promise<number> {
  const root = openFile(directory, { isInPieces: false });
  try {
    return (openTable(root, TASKS_TABLE, {}).getStats() as { entryCount: number }).entryCount;
  } finally {
    await root.close();
  }
}
