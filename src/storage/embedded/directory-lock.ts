import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock } from 'fs-native-extensions';

/** The data directory is in use by another process. */
export class DirectoryInUse extends Error {
  constructor(directory: string) {
    super(`DATA_DIR ${directory} is in use by another process; one service at a time may open it`);
    this.name = 'DirectoryInUse';
  }
}

/**
 * Takes a directory for this process alone. The lock is the operating system's (an open-file-description lock on
 * Linux), so it ends with the process however that ends, and no stale file is ever left to clean up.
 *
 * @returns a function that gives the directory back
 * @throws DirectoryInUse when another process has it
 */
export function lockDirectory(directory: string): () => void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = openSync(join(directory, 'LOCK'), 'a', 0o600);
  if (!tryLock(file)) {
    closeSync(file);
    throw new DirectoryInUse(directory);
  }
  return () => {
    closeSync(file);
  };
}
