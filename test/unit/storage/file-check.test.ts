import { spawnSync } from 'node:child_process';
import {
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { CorruptFile, requireSoundFile } from '../../../src/storage/embedded/file-check.js';
import { ensureFile } from '../../../src/storage/embedded/lmdb-file.js';
import { SeededRandom } from '../../support/store-random.js';

const PAGE = 4096;
const SECTOR = 512;
const META_FROM = 24;
const META_TO = 168;
const TRANSACTION_AT = 152;
const FUZZ_ROUNDS = 240;
const FUZZ_SEED = 3;

/**
 * Opens each file as the store does, reads all of it and commits to it. Damage may well make it throw; it must not end
 * the process.
 */
const READER = `
const { open } = require(process.argv[2]);
const use = async (path) => {
  const root = open({ path, noSubdir: true, maxDbs: 16, overlappingSync: false, remapChunks: true });
  const tables = [['numbers', 'ordered-binary'], ['tasks', 'binary'], ['payloads', 'string'], ['attempts', 'json']];
  const opened = tables.map(([name, encoding]) => root.openDB({ name, encoding }));
  let entries = 0;
  for (const table of opened) for (const { key } of table.getRange()) entries += table.get(key) === undefined ? 0 : 1;
  for (let round = 0; round < 3; round += 1) {
    for (let key = 0; key < 30; key += 1) {
      void opened[1].put(1e6 + round * 100 + key, Buffer.alloc(300));
      void opened[2].put(key * 7, 'z'.repeat(key * 300));
    }
    for (const key of [...opened[0].getKeys({ limit: 10 })]) void opened[0].remove(key);
    await root.committed;
  }
  await root.close();
  return entries;
};
(async () => {
  for (const path of process.argv.slice(3)) {
    console.log('file', path);
    await use(path).then((entries) => console.log('entries', entries), (error) => console.log('error', String(error)));
  }
})();
`;

interface Tables {
  readonly root: RootDatabase;
  readonly numbers: Database<number, string>;
  readonly tasks: Database<Buffer, number>;
  readonly payloads: Database<string, number>;
  readonly attempts: Database<unknown, [number, number]>;
}

function openTables(path: string): Tables {
  const root = open({ path, noSubdir: true, maxDbs: 16, overlappingSync: false, remapChunks: true });
  return {
    root,
    numbers: root.openDB({ name: 'numbers', encoding: 'ordered-binary' }),
    tasks: root.openDB({ name: 'tasks', encoding: 'binary' }),
    payloads: root.openDB({ name: 'payloads', encoding: 'string' }),
    attempts: root.openDB({ name: 'attempts', encoding: 'json' }),
  };
}

function idOf(number: number): string {
  return `${((number * 2_654_435_761) % 2 ** 32).toString(36)}-${'x'.repeat(number % 40)}`;
}

/** One commit: some tasks come, one in forty with a large payload, others go. */
async function commit(
  tables: Tables,
  { from, added, removed }: { from: number; added: number; removed: number },
) {
  for (let number = from; number < from + added; number += 1) {
    void tables.numbers.put(idOf(number), number);
    void tables.tasks.put(number, Buffer.alloc(100 + (number % 150), number));
    void tables.payloads.put(number, 'p'.repeat(number % 40 === 0 ? 9000 + number : number % 500));
    if (number % 3 === 0) void tables.attempts.put([number, 1], { outcome: 'lost' });
  }
  for (let number = from - removed; number < from; number += 1) {
    void tables.numbers.remove(idOf(number));
    void tables.tasks.remove(number);
    void tables.payloads.remove(number);
    void tables.attempts.remove([number, 1]);
  }
  await tables.root.committed;
}

describe('requireSoundFile', () => {
  let directory: string;
  let path: string;
  let copies = 0;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'file-check-'));
    path = join(directory, 'queue.mdb');
  });

  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  /** A file with trees of several levels, large values and a free list, and its bytes. */
  async function filled(commits = 12): Promise<Buffer> {
    const tables = openTables(path);
    for (let index = 1; index <= commits; index += 1) {
      await commit(tables, { from: index * 100, added: 90, removed: index % 3 === 0 ? 60 : 5 });
    }
    await tables.root.close();
    return readFileSync(path);
  }

  function written(bytes: Buffer): string {
    copies += 1;
    const copy = join(directory, `copy-${copies}.mdb`);
    writeFileSync(copy, bytes);
    return copy;
  }

  function isAccepted(file: string): boolean {
    try {
      requireSoundFile(file);
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(CorruptFile);
      return false;
    }
  }

  /** What another process found in each of the files; fails when it was ended by a signal. */
  function read(files: readonly string[]): string[] {
    const reader = join(directory, 'reader.cjs');
    writeFileSync(reader, READER);
    const lmdb = createRequire(import.meta.url).resolve('lmdb');
    const { signal, status, stdout } = spawnSync(process.execPath, [reader, lmdb, ...files], {
      encoding: 'utf8',
    });
    const found = stdout.split('\n').filter((line) => line !== '');
    expect({ signal, status, last: signal === null ? '' : found.at(-1) }).toEqual({
      signal: null,
      status: 0,
      last: '',
    });
    return found.filter((line) => !line.startsWith('file '));
  }

  it('accepts a missing file, and refuses an empty one', () => {
    requireSoundFile(path);
    writeFileSync(path, '');
    expect(() => requireSoundFile(path)).toThrow('is damaged at page 0: it is empty');
  });

  it('refuses a link that leads nowhere, and makes no file in its place', async () => {
    rmSync(path, { force: true });
    symlinkSync(join(directory, 'elsewhere', 'queue.mdb'), path);
    await ensureFile(directory);
    expect(() => requireSoundFile(path)).toThrow('is damaged at page 0: it is a dangling symbolic link');
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
  });

  it('says so when there is no file that could be read', () => {
    expect(() => requireSoundFile(directory)).toThrow(CorruptFile);
    writeFileSync(path, 'x');
    expect(() => requireSoundFile(join(path, 'queue.mdb'))).toThrow('ENOTDIR');
  });

  it('accepts what lmdb writes, commit by commit', async () => {
    const random = new SeededRandom(1);
    let tables = openTables(path);
    requireSoundFile(path);
    let from = 1;
    for (let index = 0; index < 80; index += 1) {
      const added = random.below(10) === 0 ? 1500 : random.below(40);
      await commit(tables, { from, added, removed: Math.min(from, random.below(60)) });
      from += added;
      if (index % 30 === 20) await Promise.all([tables.payloads.clearAsync(), tables.tasks.clearAsync()]);
      if (index % 20 === 15) {
        await tables.root.close();
        tables = openTables(path);
      }
      requireSoundFile(path);
    }
    await tables.root.close();
  });

  it('accepts a compacted backup and what is written to it later', async () => {
    await filled();
    const backup = join(directory, 'backup', 'queue.mdb');
    const { root } = openTables(path);
    await root.backup(backup, true);
    await root.close();
    requireSoundFile(backup);
    const tables = openTables(backup);
    await commit(tables, { from: 5000, added: 50, removed: 0 });
    await tables.root.close();
    requireSoundFile(backup);
  });

  it('leaves the file as it is, sound or not', async () => {
    const bytes = await filled();
    const { mtimeMs } = statSync(path);
    requireSoundFile(path);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(statSync(path).mtimeMs).toBe(mtimeMs);
    const damaged = Buffer.from(bytes).fill(0, 2 * PAGE);
    const copy = written(damaged);
    expect(isAccepted(copy)).toBe(false);
    expect(readFileSync(copy).equals(damaged)).toBe(true);
  });

  it('names the file, the page and the damage, and what to do', async () => {
    await filled();
    truncateSync(path, statSync(path).size - PAGE);
    const copy = path;
    expect(() => requireSoundFile(copy)).toThrow(
      /queue\.mdb is damaged at page \d+: the file ends after \d+ pages\. The file was not changed\. .* restore a backup/,
    );
  });

  it('accepts a file that ends before pages which are free', async () => {
    const tables = openTables(path);
    await commit(tables, { from: 1, added: 100, removed: 0 });
    await tables.payloads.put(1, 'x'.repeat(1_000_000));
    await tables.payloads.put(1, 'y');
    await tables.payloads.put(2, 'y');
    await tables.root.close();
    const bytes = readFileSync(path);
    let pages = bytes.length / PAGE;
    while (isAccepted(written(bytes.subarray(0, (pages - 1) * PAGE)))) pages -= 1;
    expect(bytes.length / PAGE - pages).toBeGreaterThan(20);
    const copy = written(bytes.subarray(0, pages * PAGE));
    const [found] = read([copy]);
    expect(found).toBe(read([path])[0]);
  });

  it('accepts whatever a power cut leaves in the middle of a commit, with all that was committed before', async () => {
    await filled();
    const before = readFileSync(path);
    const tables = openTables(path);
    await commit(tables, { from: 3000, added: 200, removed: 0 });
    await tables.root.close();
    const after = readFileSync(path);
    const [complete] = read([written(before)]);
    const random = new SeededRandom(2);
    const images = Array.from({ length: 20 }, () => {
      // Any of the new sectors may have reached the disk, but the meta page is written after all of them.
      const image = Buffer.concat([before, Buffer.alloc(Math.max(0, after.length - before.length))]);
      for (let at = 2 * PAGE; at < after.length; at += SECTOR) {
        if (random.below(2) === 0) after.copy(image, at, at, at + SECTOR);
      }
      return written(random.below(2) === 0 ? image : image.subarray(0, before.length));
    });
    for (const image of images) requireSoundFile(image);
    expect(new Set(read(images))).toEqual(new Set([complete]));
  });

  it('hands each entry of a table to its reader once, with large values', async () => {
    const root = open({ path, noSubdir: true, maxDbs: 16 });
    const tasks: Database<Buffer, number> = root.openDB({ name: 'tasks', encoding: 'binary' });
    const pairs: Database<true, [string, number]> = root.openDB({ name: 'batchTasks', encoding: 'json' });
    const numbers = [1, 2, 255, 256, 4_097, 2 ** 20, 2 ** 32 + 1, 2 ** 40 + 7, 2 ** 52 - 1, 2 ** 53 - 1];
    for (let number = 3_000; number < 4_000; number += 1) numbers.push(number);
    for (const number of numbers) {
      void tasks.put(number, Buffer.alloc(number % 7 === 0 ? 9_000 : 50, `${number},`));
      void pairs.put([`batch-${number % 3}`, number], true);
    }
    await root.close();
    const read = new Map<number | undefined, string>();
    const ofBatches: unknown[] = [];
    requireSoundFile(path, {
      tasks: ({ page, node, bytes, from, end }) =>
        read.set(page.numberKey(node), bytes.toString('latin1', from, end)),
      batchTasks: ({ page, node }) => {
        const key = page.pairKey(node);
        ofBatches.push([key?.text.toString(), key?.number]);
      },
    });
    const valueOf = (number: number) => Buffer.alloc(number % 7 === 0 ? 9_000 : 50, `${number},`).toString();
    expect(read).toEqual(new Map(numbers.map((number) => [number, valueOf(number)])));
    expect(ofBatches).toHaveLength(numbers.length);
    expect(new Set(ofBatches.map(String))).toEqual(new Set(numbers.map((n) => `batch-${n % 3},${n}`)));
  });

  it('uses the other meta page when one was torn before its transaction number', async () => {
    const bytes = await filled();
    const transactions = [bytes.readUInt32LE(TRANSACTION_AT), bytes.readUInt32LE(PAGE + TRANSACTION_AT)];
    const newest = (transactions[0] ?? 0) > (transactions[1] ?? 0) ? 0 : PAGE;
    const torn = Buffer.from(bytes).fill(0x5a, PAGE - newest + 48, PAGE - newest + TRANSACTION_AT);
    torn.writeUInt32LE(PAGE, PAGE - newest + 48);
    expect(isAccepted(written(torn))).toBe(true);
    const unmarked = Buffer.from(bytes).fill(0, newest, newest + PAGE);
    expect(isAccepted(written(unmarked))).toBe(false);
  });

  it('lets nothing through that ends a process which uses lmdb', async () => {
    const bytes = await filled();
    const random = new SeededRandom(FUZZ_SEED);
    const pages = bytes.length / PAGE;
    const at = (page: number) => page * PAGE;
    const damages: ((copy: Buffer) => Buffer)[] = [
      (copy) => (copy.writeUInt8(random.below(256), random.below(copy.length)), copy),
      (copy) => (copy.writeUInt8(random.below(256), at(random.below(pages)) + random.below(200)), copy),
      (copy) => (
        copy.writeUInt8(
          random.below(256),
          at(random.below(2)) + META_FROM + random.below(META_TO - META_FROM),
        ),
        copy
      ),
      (copy) => copy.fill(0, at(random.below(pages)), at(random.below(pages)) + PAGE),
      (copy) => {
        const [one, other] = [random.below(pages), random.below(pages)];
        bytes.copy(copy, at(one), at(other), at(other + 1));
        bytes.copy(copy, at(other), at(one), at(one + 1));
        return copy;
      },
      (copy) => copy.subarray(0, random.below(copy.length)),
      (copy) => {
        const from = at(2) + random.below(copy.length / 2);
        for (let index = from; index < from + 3 * PAGE; index += 1) copy[index] = random.below(256);
        return copy;
      },
      (copy) => {
        for (let index = 0; index < 20; index += 1)
          copy.writeUInt8(random.below(256), at(random.below(pages)) + random.below(40));
        return copy;
      },
    ];
    const accepted: string[] = [];
    for (let index = 0; index < FUZZ_ROUNDS; index += 1) {
      const damaged = damages[index % damages.length]?.(Buffer.from(bytes)) ?? bytes;
      const copy = written(damaged);
      if (isAccepted(copy)) accepted.push(copy);
      else rmSync(copy);
    }
    expect(accepted.length).toBeGreaterThan(FUZZ_ROUNDS / 20);
    expect(accepted.length).toBeLessThan(FUZZ_ROUNDS / 2);
    expect(read(accepted)).toHaveLength(accepted.length);
  }, 120_000);
});
