import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  type ByteStore,
  newKey,
  ownerIn,
  ownerOf,
  type StoredBytes,
} from '../../../src/artifacts/byte-store.js';
import { DirectoryByteStore } from '../../../src/artifacts/directory-byte-store.js';
import { S3ByteStore } from '../../../src/artifacts/s3-byte-store.js';
import { S3Server } from '../../support/s3-server.js';

const AS = { contentType: 'text/plain', contentDisposition: 'attachment; filename="a.txt"' };
/** More than one part of S3. */
const LARGE = randomBytes(11 * 1024 * 1024);

function chunksOf(bytes: Buffer): AsyncIterable<Buffer> {
  return Readable.from(slices(bytes));
}

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

async function* broken(bytes: Buffer): AsyncIterable<Buffer> {
  yield* chunksOf(bytes);
  throw new Error('The client left');
}

async function everythingIn(store: ByteStore): Promise<StoredBytes[]> {
  const found: StoredBytes[] = [];
  for await (const step of store.list()) found.push(...step);
  return found;
}

async function keysIn(store: ByteStore): Promise<string[]> {
  return (await everythingIn(store)).map(({ key }) => key).sort();
}

function describeByteStore(kind: string, open: () => Promise<ByteStore>): void {
  describe(`bytes in ${kind}`, () => {
    let store: ByteStore;
    beforeEach(async () => {
      store = await open();
    });

    async function read(key: string, range?: { from: number; to: number }): Promise<Buffer | undefined> {
      const stream = await store.read(key, range);
      return stream && buffer(stream);
    }

    it.each([
      ['none', Buffer.alloc(0)],
      ['a few', Buffer.from('hello')],
      ['many', LARGE],
    ])('come back as they were sent: %s', async (_, bytes) => {
      const key = newKey('eval-1');
      await store.put(key, chunksOf(bytes));
      expect((await read(key))?.equals(bytes)).toBe(true);
    });

    it('are read in part', async () => {
      const key = newKey('eval-1');
      await store.put(key, chunksOf(Buffer.from('0123456789')));
      expect((await read(key, { from: 2, to: 4 }))?.toString()).toBe('234');
    });

    it('leave nothing behind after an interrupted upload', async () => {
      await expect(store.put(newKey('eval-1'), broken(Buffer.from('hello')))).rejects.toThrow(
        'The client left',
      );
      await expect(store.put(newKey('eval-1'), broken(LARGE))).rejects.toThrow('The client left');
      expect(await everythingIn(store)).toEqual([]);
    });

    it('are listed by key until they are removed', async () => {
      const keys = [newKey('eval-1'), newKey('eval-1'), newKey('eval-2')].sort();
      for (const key of keys) await store.put(key, chunksOf(Buffer.from(key)));
      await store.writeOwner('me');
      expect(await keysIn(store)).toEqual(keys);
      for (const key of keys) await store.remove(key);
      await store.remove(keys[0] ?? '');
      expect(await keysIn(store)).toEqual([]);
      expect(await read(keys[0] ?? '')).toBeUndefined();
    });

    it('belong to the task store that used the place first', async () => {
      expect(await store.readOwner()).toBeUndefined();
      await store.writeOwner('0b0f');
      expect(await store.readOwner()).toBe('0b0f');
    });
  });
}

const directories: string[] = [];

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'crucible-artifacts-'));
  directories.push(directory);
  return directory;
}

afterAll(async () => {
  await Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true })));
});

describeByteStore(
  'a directory',
  async () => new DirectoryByteStore(join(await newDirectory(), 'new'), false),
);

describe('a directory of artifacts', () => {
  it('removes the rest of an interrupted upload, and no file of others', async () => {
    const directory = await newDirectory();
    const store = new DirectoryByteStore(directory, false);
    const key = newKey('eval-1');
    await store.put(newKey('eval-1'), chunksOf(Buffer.from('kept')));
    await writeFile(join(directory, 'tmp', key.slice(3)), 'half');
    await writeFile(join(directory, 'tmp', 'notes.txt'), 'not ours');
    const parts = (await everythingIn(store)).filter(({ isPart }) => isPart);
    expect(parts.map((part) => part.key)).toEqual([key]);
    for (const part of parts) await store.removePart(part);
    expect(await readdir(join(directory, 'tmp'))).toEqual(['notes.txt']);
  });

  it('is unavailable when it is a file, with a message that omits its path', async () => {
    const path = join(await newDirectory(), 'file');
    await writeFile(path, '');
    const put = new DirectoryByteStore(path, false).put(newKey('eval-1'), chunksOf(Buffer.from('x')));
    await expect(put).rejects.toThrow(/^The directory of artifacts cannot be used: ENOTDIR$/);
  });

  it('refuses a key that leads elsewhere', async () => {
    const store = new DirectoryByteStore(await newDirectory(), false);
    await expect(store.read('../../etc/passwd')).rejects.toThrow('not the key');
  });
});

describe('the key of bytes', () => {
  it('has the hash of its task and nothing that a client chose', () => {
    const key = newKey('../../x');
    expect(key).toMatch(/^[0-9a-f]{2}\/[0-9a-f]{64}-[0-9a-f]{32}$/);
    expect(ownerIn(key)).toBe(ownerOf('../../x'));
    expect(newKey('a')).not.toBe(newKey('a'));
  });
});

describe('on a server that speaks S3,', () => {
  let server: S3Server;
  let places = 0;
  const variables = { ...process.env };
  beforeAll(async () => {
    server = await S3Server.start();
    Object.assign(process.env, server.env);
  });
  afterAll(async () => {
    process.env = variables;
    await server.stop();
  });

  const open = () => {
    places += 1;
    return S3ByteStore.open(server.place(`unit/${places}`), 20 * 1024 * 1024);
  };
  describeByteStore('S3', open);

  it('an address serves the bytes of one artifact as a file to save', async () => {
    const store = await open();
    const key = newKey('eval-1');
    await store.put(key, chunksOf(Buffer.from('hello')));
    const address = (await store.addressOf(key, AS)) ?? '';
    const answer = await fetch(address, { headers: { Range: 'bytes=1-2' } });
    expect({ status: answer.status, text: await answer.text() }).toEqual({ status: 206, text: 'el' });
    expect(answer.headers.get('content-disposition')).toBe(AS.contentDisposition);
    expect((await fetch(address.replace(key, newKey('eval-1')))).status).toBe(403);
  });

  it('a wrong secret makes the place unavailable', async () => {
    const right = process.env.AWS_SECRET_ACCESS_KEY;
    process.env.AWS_SECRET_ACCESS_KEY = 'wrong';
    const put = (await open()).put(newKey('eval-1'), chunksOf(Buffer.from('x')));
    await expect(put).rejects.toThrow('S3 refused or did not answer: SignatureDoesNotMatch');
    process.env.AWS_SECRET_ACCESS_KEY = right;
  });
});
