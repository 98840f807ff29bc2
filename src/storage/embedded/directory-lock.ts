import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock } from 'fs-native-extensions';
import { makeDirectory } from './make-directory.js';

/** The data directory is in use by another process. */
export class DirectoryInUse extends Error {
  constructor(directory: string) {
    super(`DATA_DIR ${directory} is in use by another process; stop that process or choose another DATA_DIR`);
    this.name = 'DirectoryInUse';
  }
}

/**
 * Locks a directory for this process, and creates a missing one. The operating system holds the lock (on Linux an
 * open-file-description lock) and releases it when the process ends, so no stale lock remains.
 *
 * @returns a function that releases the lock
 * @throws NoDirectory when it cannot be created; DirectoryInUse when another process holds the lock
 */
export function lockDirectory(directory: string): () => void {
  makeDirectory(directory);
  const file = openSync(join(directory, 'LOCK'), 'a', 0o600);
  if (!tryLock(file)) {
    closeSync(file);
    throw new DirectoryInUse(directory);
  }
  return () => {
    closeSync(file);
  };
}
