import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedTaskStore } from '../../../src/storage/embedded/embedded-task-store.js';
import { openFile, openTable } from '../../../src/storage/embedded/lmdb-file.js';
import { inspectStore } from '../../../src/storage/embedded/store-inspection.js';
import { LOG_BLOCK_BYTES } from '../../../src/storage/task-logs.js';
import { TaskDamaged } from '../../../src/task/task.errors.js';
import { ROOMY } from '../../support/store-harness.js';
import { StoreUser } from '../../support/store-user.js';
import { FakeClock } from '../../support/task.builders.js';

let directory: string;
let store: EmbeddedTaskStore;
const clock = new FakeClock();

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'crucible-logs-'));
});

afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(): Promise<StoreUser> {
  store = await EmbeddedTaskStore.open({ directory, clock, settings: ROOMY });
  const none = () => Promise.reject(new Error('Not in this test'));
  return new StoreUser({ store, clock, reopen: none, crash: none, destroy: none });
}

/** Keys of a table, with the store closed. */
async function keysOf(table: string): Promise<unknown[]> {
  await store.close();
  const root = openFile(directory, { isInPieces: false });
  const keys = [...openTable(root, table, { encoding: 'binary' }).getKeys()];
  await root.close();
  return keys;
}

describe('the logs of the embedded store', () => {
  it.each(['remove', 'clear'] as const)('leave no block behind after a %s', async (way) => {
    const user = await open();
    await user.add({ id: 'a' }, { id: 'b' });
    const [a, b] = [await user.takeOne(), await user.takeOne()];
    for (const task of [a, b]) await store.logs.append({ task, bytes: randomBytes(300 * LOG_BLOCK_BYTES) });
    await store.logs.append({ task: b, bytes: Buffer.from('more') });
    if (way === 'clear') await store.clear({});
    else await store.remove([await user.complete(a), await user.complete(b)]);
    await store.reclaimed();
    expect([...(await keysOf('logs')), ...(await keysOf('droppedLogs'))]).toEqual([]);
  });

  it('are removed with their task, also when the process ends before their blocks are removed', async () => {
    let user = await open();
    await user.add({ id: 'a' });
    const task = await user.takeOne();
    await store.logs.append({ task, bytes: randomBytes(600 * LOG_BLOCK_BYTES) });
    const removed = store.remove([await user.complete(task)]);
    await removed;
    await store.close();
    user = await open();
    await user.add({ id: 'next' });
    const next = await user.takeOne();
    expect(await store.logs.list(next)).toEqual([]);
    expect(await store.logs.append({ task: next, offset: 0, bytes: Buffer.from('x') })).toMatchObject({
      size: 1,
    });
    await store.reclaimed();
    expect(await keysOf('logs')).toHaveLength(1);
  });

  it('are refused by name when damaged, and their task is not affected', async () => {
    let user = await open();
    await user.add({ id: 'a' });
    const task = await user.takeOne();
    await store.logs.append({ task, bytes: randomBytes(100) });
    const [key] = await keysOf('logs');
    const root = openFile(directory, { isInPieces: false });
    await openTable<Buffer, never>(root, 'logs', { encoding: 'binary' }).put(
      key as never,
      Buffer.from('nonsense'),
    );
    await root.close();
    expect((await inspectStore(directory)).damages).toEqual([expect.stringContaining('logs')]);
    user = await open();
    await expect(store.logs.read(task, { attempt: 1, offset: 0, limit: 9 })).rejects.toThrow(TaskDamaged);
    await expect(store.logs.append({ task, bytes: Buffer.from('x') })).rejects.toThrow(TaskDamaged);
    expect((await user.complete(await user.find('a'))).state).toBe('completed');
  });
});
