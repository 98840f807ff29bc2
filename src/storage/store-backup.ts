import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { lockDirectory } from './embedded/directory-lock.js';
import { requireSoundFile } from './embedded/file-check.js';
import { type Inspection, inspectStore } from './embedded/store-inspection.js';
import { copyFile, fileIn, putInPlace } from './embedded/lmdb-file.js';
import { makeDirectory } from './embedded/make-directory.js';

/** The given directory cannot be used for this command. */
export class UnfitDirectory extends Error {}

/** The file structure of the store is sound, but some of its values are damaged. */
export class DamagedStore extends Error {
  constructor(directory: string, damages: readonly string[]) {
    const some = damages.slice(0, DAMAGES_NAMED);
    const more = damages.length - some.length;
    const lines = [...some, ...(more > 0 ? [`and ${more} more`] : [])];
    super(
      `The store in ${resolve(directory)} is damaged. A service quarantines these values:\n${lines.join('\n')}`,
    );
  }
}

const DAMAGES_NAMED = 100;

/**
 * Copies the embedded store, as of one moment, into a directory without a store. A service may use the store meanwhile.
 * The copy is checked and synced before it gets its name.
 *
 * @returns number of tasks in the copy
 * @throws UnfitDirectory, CorruptFile
 */
export async function backupStore(directory: string, target: string): Promise<number> {
  requireStore(directory);
  requireNoStore(target);
  makeDirectory(target);
  const partial = join(target, 'partial');
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { mode: 0o700 });
  await copyFile(directory, partial, { isCompact: false });
  const count = await checkFile(partial);
  putInPlace(fileIn(partial), target);
  rmSync(partial, { recursive: true });
  return count;
}

/**
 * Reads a whole store and looks for damage.
 *
 * @returns number of tasks in the store
 * @throws CorruptFile, DamagedStore; DirectoryInUse when a service uses it; UnfitDirectory when it has no store
 */
export async function checkStore(directory: string): Promise<number> {
  requireStore(directory);
  const unlock = lockDirectory(directory);
  try {
    const { tasks, damages } = await inspectFile(directory);
    if (damages.length > 0) throw new DamagedStore(directory, damages);
    return tasks;
  } finally {
    unlock();
  }
}

/**
 * Copies a backup into a service's data directory. Existing files are not overwritten.
 *
 * @returns number of tasks in the store
 * @throws UnfitDirectory when the directory has a store; DirectoryInUse, CorruptFile
 */
export async function restoreStore(backup: string, directory: string): Promise<number> {
  requireStore(backup);
  const unlock = lockDirectory(directory);
  try {
    requireNoStore(directory);
    const count = await checkFile(backup);
    const partial = join(directory, 'partial.mdb');
    copyFileSync(fileIn(backup), partial);
    putInPlace(partial, directory);
    return count;
  } finally {
    unlock();
  }
}

async function checkFile(directory: string): Promise<number> {
  return (await inspectFile(directory)).tasks;
}

function inspectFile(directory: string): Promise<Inspection> {
  requireSoundFile(fileIn(directory));
  return inspectStore(directory);
}

/** @throws UnfitDirectory */
export function requireStore(directory: string): void {
  if (!existsSync(fileIn(directory))) throw new UnfitDirectory(`There is no store in ${resolve(directory)}`);
}

function requireNoStore(directory: string): void {
  if (existsSync(fileIn(directory)))
    throw new UnfitDirectory(`There is a store in ${resolve(directory)} already`);
}
