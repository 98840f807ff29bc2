import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** A directory does not exist and cannot be created. */
export class NoDirectory extends Error {
  constructor(directory: string, cause: unknown) {
    super(
      `Cannot use the directory ${directory}: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
    this.name = 'NoDirectory';
  }
}

/**
 * Creates a directory with the parents it lacks, for this user alone. A directory that exists keeps its mode.
 *
 * It does not use `mkdirSync` with `recursive`: under `/proc`, where a parent exists and a child cannot be created,
 * Node 20 never stops trying.
 *
 * @throws NoDirectory
 */
export function makeDirectory(directory: string): void {
  try {
    make(resolve(directory));
  } catch (error) {
    throw new NoDirectory(directory, error);
  }
}

function make(path: string): void {
  if (dirname(path) !== path) make(dirname(path));
  if (isDirectory(path)) return;
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process may have created it in between.
    if (!isDirectory(path)) throw error;
  }
}

/** @throws when something else has the name, or a parent cannot be read */
function isDirectory(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isDirectory()) throw new Error(`${path} is not a directory`);
  return found !== undefined;
}
