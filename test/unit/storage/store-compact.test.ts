import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DirectoryInUse } from '../../../src/storage/embedded/directory-lock.js';
import { EmbeddedTaskStore } from '../../../src/storage/embedded/embedded-task-store.js';
import { CorruptFile } from '../../../src/storage/embedded/file-check.js';
import { digestTables } from '../../../src/storage/embedded/file-digest.js';
import { UnfitDirectory } from '../../../src/storage/store-backup.js';
import { compactStore } from '../../../src/storage/store-compact.js';
import { create } from '../../../src/task/task.machine.js';
import { ROOMY } from '../../support/store-harness.js';
import { FakeClock, spec } from '../../support/task.builders.js';

const clock = new FakeClock();
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'crucible-compact-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const file = () => join(directory, 'queue.mdb');
const open = () => EmbeddedTaskStore.open({ directory, clock, settings: ROOMY });
const textOf = (id: string) => `"code":"${id} ${'x'.repeat(20_000)}"`;

async function add(store: EmbeddedTaskStore, queue: string, count: number): Promise<void> {
  const ids = Array.from({ length: count }, (_, index) => `${queue}-${index}`);
  const tasks = ids.map((id) => ({
    transition: create(spec({ id, queue }), clock.now()),
    payload: textOf(id),
  }));
  await store.insert(tasks);
}

/** A store that once held ten times as much. */
async function shrunken(): Promise<void> {
  const store = await open();
  await add(store, 'kept', 20);
  await add(store, 'gone', 180);
  await store.clear({ queues: ['gone'] });
  await store.reclaimed();
  await store.close();
}

describe('crucible-queue compact', () => {
  it('shrinks the file, and keeps every key and value of it', async () => {
    await shrunken();
    const before = await digestTables(directory);
    expect(before.get('payloads')?.entries).toBe(20);
    // What an interrupted run left.
    mkdirSync(join(directory, 'compacting'));
    writeFileSync(join(directory, 'compacting/queue.mdb'), 'half');
    const compacted = await compactStore(directory);
    expect(compacted).toMatchObject({ tasks: 20, after: statSync(file()).size });
    expect(compacted.after).toBeLessThan(compacted.before / 5);
    expect(await digestTables(directory)).toEqual(before);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(existsSync(join(directory, 'compacting'))).toBe(false);

    const store = await open();
    expect(await store.findPayload('kept-7')).toBe(textOf('kept-7'));
    await add(store, 'later', 20);
    await store.close();
    const again = await open();
    expect((await again.views.totals()).queued).toBe(40);
    await again.close();
  });

  it('refuses a directory that a service uses, one without a store, and a link', async () => {
    await expect(compactStore(directory)).rejects.toThrow(UnfitDirectory);
    const store = await open();
    await expect(compactStore(directory)).rejects.toThrow(DirectoryInUse);
    await store.close();
    renameSync(file(), join(directory, 'elsewhere.mdb'));
    symlinkSync(join(directory, 'elsewhere.mdb'), file());
    await expect(compactStore(directory)).rejects.toThrow('is a link');
  });

  it('leaves a damaged file as it is', async () => {
    await shrunken();
    const bytes = readFileSync(file()).fill(0xff, 8192);
    writeFileSync(file(), bytes);
    await expect(compactStore(directory)).rejects.toThrow(CorruptFile);
    expect(readFileSync(file()).equals(bytes)).toBe(true);
    expect(existsSync(join(directory, 'compacting'))).toBe(false);
  });

  it('sums up every table, so that it notices a difference', async () => {
    await shrunken();
    const sums = await digestTables(directory);
    const store = await open();
    await add(store, 'one', 1);
    await store.close();
    const changed = [...(await digestTables(directory))].filter(
      ([name, { sum }]) => sums.get(name)?.sum !== sum,
    );
    expect(changed.map(([name]) => name)).toEqual(expect.arrayContaining(['numbers', 'payloads', 'tasks']));
  });
});
