import { createHash } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { StoredArtifact } from '../../client/index.js';
import type { Context } from '../context.js';
import { CommandFailed, EXIT } from '../exit-code.js';

export interface ArtifactsOptions {
  readonly download?: string;
}

const COLUMNS = {
  NAME: (artifact: StoredArtifact) => artifact.name,
  SIZE: (artifact: StoredArtifact) => artifact.size,
  CONTENT_TYPE: (artifact: StoredArtifact) => artifact.content_type,
  ATTEMPT: (artifact: StoredArtifact) => artifact.attempt,
  CREATED_AT: (artifact: StoredArtifact) => artifact.created_at,
  SHA256: (artifact: StoredArtifact) => artifact.sha256,
};

/** `artifacts`: lists the artifacts of a task; with `--download`, saves them as files. */
export async function artifacts(id: string, options: ArtifactsOptions, context: Context): Promise<void> {
  const found = await context.client.artifacts.list(id);
  const { download: directory } = options;
  if (directory !== undefined) {
    await mkdir(directory, { recursive: true });
    for (const artifact of found) await save(id, { artifact, directory }, context);
  }
  await context.list().rows(COLUMNS, found);
}

interface Saving {
  readonly artifact: StoredArtifact;
  readonly directory: string;
}

/** Never overwrites a file, and leaves none that is incomplete. */
async function save(id: string, { artifact, directory }: Saving, context: Context): Promise<void> {
  const { name, sha256 } = artifact;
  // The service takes no such name, but this may be another server.
  if (/[/\\\0]/.test(name) || name === '.' || name === '..')
    throw new CommandFailed(EXIT.unsuccessful, 'The service listed a name that is not a file name');
  const path = join(directory, name);
  const { body } = await context.client.artifacts.download(id, name);
  const file = await create(path);
  let isWhole = false;
  try {
    const hash = createHash('sha256');
    const chunks = body === null ? [] : Readable.fromWeb(body as ReadableStream<Uint8Array>);
    for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    isWhole = hash.digest('hex') === sha256;
    if (!isWhole) throw new CommandFailed(EXIT.unsuccessful, `${path}: the bytes do not match their digest`);
  } finally {
    await file.close();
    if (!isWhole) await rm(path, { force: true });
  }
}

async function create(path: string) {
  try {
    return await open(path, 'wx');
  } catch (error) {
    const why =
      (error as NodeJS.ErrnoException).code === 'EEXIST' ? 'the file exists' : (error as Error).message;
    throw new CommandFailed(EXIT.unsuccessful, `${path}: ${why}`);
  }
}
