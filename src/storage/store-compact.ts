import { chmodSync, chownSync, lstatSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { lockDirectory } from './embedded/directory-lock.js';
import { CorruptFile, requireSoundFile } from './embedded/file-check.js';
import { digestTables } from './embedded/file-digest.js';
import { copyFile, fileIn, putInPlace } from './embedded/lmdb-file.js';
import { requireStore, UnfitDirectory } from './store-backup.js';

/** Sizes of the file before and after, in bytes. */
export interface Compacted {
  readonly tasks: number;
  readonly before: number;
  readonly after: number;
}

/**
 * Replaces the file of a stopped service by a copy without free pages. The copy takes the name when it is checked, equal
 * to the file in every key and value, and on disk; until then the file stays as it is.
 *
 * @throws UnfitDirectory when there is no store, or its file is a link; DirectoryInUse when a service uses it
 * @throws CorruptFile when the file or the copy is damaged, or they differ
 */
export async function compactStore(directory: string): Promise<Compacted> {
  requireStore(directory);
  const unlock = lockDirectory(directory);
  const partial = join(directory, 'compacting');
  try {
    const file = fileIn(directory);
    if (lstatSync(file).isSymbolicLink())
      throw new UnfitDirectory(`${resolve(file)} is a link. Set DATA_DIR to the directory of its target`);
    requireSoundFile(file);
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { mode: 0o700 });
    await copyFile(directory, partial, { isCompact: true });
    const copy = fileIn(partial);
    requireSoundFile(copy);
    const tables = await digestTables(directory);
    const differing = differenceOf(tables, await digestTables(partial));
    if (differing !== undefined)
      throw new CorruptFile(copy, 0, `its table ${differing} is not the one of the store`);
    const { mode, uid, gid, size: before } = statSync(file);
    // A command of root must not take the file from the service's user.
    chownSync(copy, uid, gid);
    chmodSync(copy, mode);
    putInPlace(copy, directory);
    return { tasks: tables.get('tasks')?.entries ?? 0, before, after: statSync(file).size };
  } finally {
    rmSync(partial, { recursive: true, force: true });
    unlock();
  }
}

type Tables = Awaited<ReturnType<typeof digestTables>>;

/** The name of a table that the other lacks, has beside, or has with other contents. */
function differenceOf(tables: Tables, others: Tables): string | undefined {
  return [...new Set([...tables.keys(), ...others.keys()])].find(
    (name) => JSON.stringify(tables.get(name)) !== JSON.stringify(others.get(name)),
  );
}
