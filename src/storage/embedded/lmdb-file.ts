import { closeSync, fsyncSync, lstatSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, type Key, open, type RootDatabase } from 'lmdb';
import { type ClearFilter, ClearMarks } from './clear-marks.js';
import type { TaskNumber } from './task-number.js';
import { mendWriteReport } from './lmdb-report.js';
import { bytesOf, DamagedValue, SEALED_JSON } from './sealed-value.js';
import { decodeHead, type TaskHead } from './task.record.js';

/** Payloads are nobody else's business. lmdb takes the option, its types do not know it. */
const OWNER_ONLY = { permissionsMode: 0o600 };

/** Records that are read through one mapping of the whole file at start. */
const HEADS_PER_MAPPING = 100_000;

export const TASKS_TABLE = 'tasks';
export const CLEARS_TABLE = 'clears';

export interface FileOptions {
  /**
   * Maps the file in pieces and lets go of them, so that a queue of any size fits in a small process. Mapped whole it is
   * read nearly twice as fast, and what was read of it counts as memory of the process until it is closed.
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
    maxDbs: 16,
    overlappingSync: false,
    remapChunks: isInPieces,
    ...OWNER_ONLY,
  });
}

/** Makes the file when there is none. It has its name only when it is whole and on disk. */
export async function ensureFile(directory: string): Promise<void> {
  // A link that leads nowhere is not the same as no file: its disk may be missing.
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

/** Gives a file its name in a directory only when its bytes are on disk; on disk under that name when this returns. */
export function putInPlace(file: string, directory: string): void {
  sync(file);
  renameSync(file, fileIn(directory));
  sync(directory);
}

function sync(path: string): void {
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

/** The same, for reading many: damage of one record must not end the reading of the others. */
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

type TakeHead = (number: TaskNumber, head: TaskHead | DamagedValue) => void;

/** Reads the heads of all records, oldest first, while nobody else has the file open. */
export async function readHeads(directory: string, take: TakeHead): Promise<void> {
  let next: TaskNumber | undefined = 0;
  while (next !== undefined) {
    const root = openFile(directory, { isInPieces: false });
    try {
      next = readSome(openTable(root, TASKS_TABLE, { encoder: decodedWell(decodeHead) }), next, take);
    } finally {
      await root.close();
    }
  }
}

/** Where to go on; `undefined` when that was all. */
function readSome(
  heads: Database<TaskHead | DamagedValue, TaskNumber>,
  start: TaskNumber,
  take: TakeHead,
): TaskNumber | undefined {
  let count = 0;
  let last = start;
  for (const { key, value } of heads.getRange({ start, limit: HEADS_PER_MAPPING })) {
    take(key, value);
    last = key;
    count += 1;
  }
  return count < HEADS_PER_MAPPING ? undefined : last + 1;
}

/** Writes the newest committed state of the file into an empty directory; whoever else has it open may go on. */
export async function copyFile(directory: string, target: string): Promise<void> {
  const root = open({ path: fileIn(directory), noSubdir: true, readOnly: true, maxDbs: 16 });
  try {
    await root.backup(fileIn(target), false);
  } finally {
    await root.close();
  }
}

/** What was cleared and may still be in the file, while nobody else has it open. */
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
