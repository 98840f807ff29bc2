import { createReadStream } from 'node:fs';
import {
  type FileHandle,
  mkdir,
  open,
  opendir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { StoreUnavailable } from '../storage/task-store.js';
import {
  type ByteKey,
  type ByteRange,
  ByteStore,
  OWNER_NAME,
  ownerIn,
  type StoredBytes,
} from './byte-store.js';

/** The folder of uploads in progress. It is on the same file system, so that a rename is atomic. */
const PARTS = 'tmp';
const FOLDER = /^[0-9a-f]{2}$/;
/** Files per step of a listing. */
const STEP = 200;
/** Small chunks are written together. */
const WRITE_BYTES = 256 * 1024;

/**
 * Keeps bytes in the files of a directory. An upload goes into a temporary file; after an fsync the file gets its name,
 * and an fsync of the folder makes the name durable. So a file with a name is complete, whatever is killed.
 */
export class DirectoryByteStore extends ByteStore {
  /** @param isShared whether other processes use the directory */
  constructor(
    private readonly directory: string,
    readonly isShared: boolean,
  ) {
    super();
  }

  async put(key: ByteKey, chunks: AsyncIterable<Buffer>): Promise<void> {
    const part = this.partOf(key);
    let isWritten = false;
    try {
      const file = await reporting(() => this.create(part));
      try {
        await writeAll(file, chunks);
        await reporting(() => file.sync());
      } finally {
        await file.close();
      }
      await reporting(() => this.publish(part, key));
      isWritten = true;
    } finally {
      // What cannot be removed now is removed by the sweep.
      if (!isWritten) await rm(part, { force: true }).catch(() => undefined);
    }
  }

  async read(key: ByteKey, range?: ByteRange): Promise<Readable | undefined> {
    let file: FileHandle;
    try {
      file = await open(this.pathOf(key));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw unavailable(error);
    }
    return createReadStream('', { fd: file, start: range?.from, end: range?.to });
  }

  addressOf(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  remove(key: ByteKey): Promise<void> {
    return reporting(() => rm(this.pathOf(key), { force: true }));
  }

  removePart({ key }: StoredBytes): Promise<void> {
    return reporting(() => rm(this.partOf(key), { force: true }));
  }

  async *list(): AsyncIterable<readonly StoredBytes[]> {
    let step: StoredBytes[] = [];
    for await (const found of this.listFolders()) {
      step.push(...found);
      if (step.length < STEP) continue;
      yield step;
      step = [];
    }
    if (step.length > 0) yield step;
  }

  private async *listFolders(): AsyncIterable<readonly StoredBytes[]> {
    yield* this.listFolder(PARTS, true);
    for await (const folders of namesIn(this.directory)) {
      for (const folder of folders.filter((name) => FOLDER.test(name))) yield* this.listFolder(folder, false);
    }
  }

  async readOwner(): Promise<string | undefined> {
    try {
      return await readFile(join(this.directory, OWNER_NAME), 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw unavailable(error);
    }
  }

  async writeOwner(owner: string): Promise<void> {
    await reporting(async () => {
      await makeFolder(join(this.directory, PARTS));
      const part = join(this.directory, PARTS, `${OWNER_NAME}-${owner}`);
      await writeFile(part, owner, { flush: true });
      await rename(part, join(this.directory, OWNER_NAME));
      await syncFolder(this.directory);
    });
  }

  private async *listFolder(folder: string, isPart: boolean): AsyncIterable<readonly StoredBytes[]> {
    for await (const names of namesIn(join(this.directory, folder))) {
      const files = names.map(async (name) => {
        const key = `${isPart ? name.slice(0, 2) : folder}/${name}`;
        if (ownerIn(key) === undefined) return [];
        return [{ key, isPart, stamp: await stampOf(join(this.directory, folder, name)) }];
      });
      yield (await reporting(() => Promise.all(files))).flat();
    }
  }

  private async create(part: string): Promise<FileHandle> {
    try {
      return await open(part, 'wx', 0o640);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      await makeFolder(dirname(part));
      return open(part, 'wx', 0o640);
    }
  }

  private async publish(part: string, key: ByteKey): Promise<void> {
    const path = this.pathOf(key);
    try {
      await rename(part, path);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      await makeFolder(dirname(path));
      await rename(part, path);
    }
    await syncFolder(dirname(path));
  }

  private pathOf(key: ByteKey): string {
    return join(this.directory, checked(key));
  }

  private partOf(key: ByteKey): string {
    return join(this.directory, PARTS, checked(key).slice(3));
  }
}

function checked(key: ByteKey): ByteKey {
  if (ownerIn(key) === undefined) throw new Error('This is not the key of an artifact');
  return key;
}

async function writeAll(file: FileHandle, chunks: AsyncIterable<Buffer>): Promise<void> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    waiting.push(chunk);
    bytes += chunk.length;
    if (bytes < WRITE_BYTES) continue;
    await writeOut(file, waiting);
    waiting = [];
    bytes = 0;
  }
  if (bytes > 0) await writeOut(file, waiting);
}

/** Appends the buffers; a write may take in a part of them only. */
async function writeOut(file: FileHandle, buffers: readonly Buffer[]): Promise<void> {
  await reporting(async () => {
    let rest = buffers;
    while (rest.length > 0) {
      const { bytesWritten } = await file.writev([...rest]);
      rest = behind(rest, bytesWritten);
    }
  });
}

function behind(buffers: readonly Buffer[], written: number): readonly Buffer[] {
  let left = written;
  const rest: Buffer[] = [];
  for (const buffer of buffers) {
    if (left >= buffer.length) left -= buffer.length;
    else {
      rest.push(left === 0 ? buffer : buffer.subarray(left));
      left = 0;
    }
  }
  return rest;
}

/** Makes a folder and its parents durably. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  // Each new folder is an entry of its parent.
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) {
    await syncFolder(dirname(folder));
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The names in a folder, in steps; none when it is missing. */
async function* namesIn(path: string): AsyncIterable<readonly string[]> {
  let names: string[] = [];
  try {
    for await (const { name } of await opendir(path)) {
      names.push(name);
      if (names.length < STEP) continue;
      yield names;
      names = [];
    }
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw unavailable(error);
  }
  if (names.length > 0) yield names;
}

async function stampOf(path: string): Promise<string> {
  try {
    const { size, mtimeMs } = await stat(path);
    return `${size} ${mtimeMs}`;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'gone';
    throw error;
  }
}

/** A fault of the file system, such as a full disk, is an outage of the store. */
async function reporting<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw unavailable(error);
  }
}

function unavailable(cause: unknown): unknown {
  if (codeOf(cause) === undefined) return cause;
  return new StoreUnavailable(`The directory of artifacts cannot be used: ${codeOf(cause)}`, false, {
    cause,
  });
}

function codeOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
