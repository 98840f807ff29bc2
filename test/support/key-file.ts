import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestKey {
  readonly id: string;
  readonly roles: readonly string[];
  /** All, unless said otherwise. */
  readonly queues?: readonly string[];
}

/** A file of API keys for a test. */
export interface KeyFile {
  readonly path: string;
  remove(): void;
}

/** The key that goes with an id. */
export function keyOf(id: string): string {
  return `secret-key-of-${id}`;
}

export function writeKeyFile(keys: readonly TestKey[]): KeyFile {
  const directory = mkdtempSync(join(tmpdir(), 'crucible-keys-'));
  const path = join(directory, 'keys.json');
  const entries = keys.map(({ id, roles, queues = ['*'] }) => {
    const sha256 = createHash('sha256').update(keyOf(id)).digest('hex');
    return { id, sha256, roles, queues, not_before: null, expires: null };
  });
  writeFileSync(path, JSON.stringify({ keys: entries }));
  return {
    path,
    remove: () => {
      rmSync(directory, { recursive: true });
    },
  };
}
