import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { loadConfig } from '../../../src/config/config.js';
import { openParking } from '../../../src/queue/parking.module.js';
import { DepthGate } from '../../../src/queue/depth-gate.js';
import { FinishWaiters } from '../../../src/queue/finish-waiters.js';
import { type Enqueued, QueueService } from '../../../src/queue/queue.service.js';
import { SettingsCache } from '../../../src/queue/settings-cache.js';
import { EmbeddedTaskStore } from '../../../src/storage/embedded/embedded-task-store.js';
import { openFile, openTable } from '../../../src/storage/embedded/lmdb-file.js';
import type { QueueFiles } from '../../../src/storage/embedded/queue-files.js';
import { inspectStore } from '../../../src/storage/embedded/store-inspection.js';
import { checkStore } from '../../../src/storage/store-backup.js';
import { release } from '../../../src/task/task.machine.js';
import { TaskDamaged } from '../../../src/task/task.errors.js';
import { fillWithEverything } from '../../support/store-filling.js';
import { totalOf } from '../../support/store-contents.js';
import { ROOMY } from '../../support/store-harness.js';
import { until } from '../../support/until.js';
import { idsOf, payloadOf, StoreUser } from '../../support/store-user.js';
import { FakeClock, spec } from '../../support/task.builders.js';

const FIXTURE = join(import.meta.dirname, '../../fixtures/store-records-2/queue.mdb.gz');

let directory: string;
let store: EmbeddedTaskStore | undefined;
let clock: FakeClock;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'crucible-damage-'));
  clock = new FakeClock();
});

afterEach(async () => {
  await store?.close();
  store = undefined;
  rmSync(directory, { recursive: true, force: true });
});

async function open(): Promise<StoreUser> {
  const settings = { ...ROOMY, webhookTypes: new Set(['completed'] as const) };
  const opened = await EmbeddedTaskStore.open({ directory, clock, settings });
  store = opened;
  const none = () => Promise.reject(new Error('Not in this test'));
  return new StoreUser({ store: opened, clock, reopen: none, crash: none, destroy: none });
}

/** Flips one bit of the value of this key, with the store closed. */
async function damage(table: string, key: unknown, at = -3): Promise<void> {
  await store?.close();
  const root = openFile(directory, { isInPieces: false });
  const values = openTable<Buffer, never>(root, table, { encoding: 'binary' });
  const bytes = Buffer.from(values.get(key as never) ?? []);
  expect(bytes.length).toBeGreaterThan(5);
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = (bytes[place] ?? 0) ^ 0x10;
  await values.put(key as never, bytes);
  await root.close();
}

async function numberOf(id: string): Promise<number> {
  await store?.close();
  const root = openFile(directory, { isInPieces: false });
  const number = openTable<number, string>(root, 'numbers', { encoding: 'ordered-binary' }).get(id);
  await root.close();
  return number ?? 0;
}

async function damages(): Promise<readonly string[]> {
  await store?.close();
  return (await inspectStore(directory)).damages;
}

function nameOfResult(result: Enqueued | Error): string {
  return result instanceof Error ? result.name : result.task.spec.id;
}

const TEN = Array.from({ length: 10 }, (_, index) => ({ id: `t${index}` }));

describe('a damaged value in a sound file', () => {
  it.each(['payloads', 'tasks'])('takes its task out, and no other of a claim of ten: %s', async (table) => {
    await (await open()).add(...TEN);
    await damage(table, await numberOf('t4'));
    expect(await damages()).toEqual([expect.stringMatching(/^task t4: its .*does not match its checksum/)]);
    await expect(checkStore(directory)).rejects.toThrow('task t4: its');

    const user = await open();
    const claimed = await user.store.claim(user.request({ max: 10, claimId: 'c' }));
    expect(claimed.map(({ task, payload }) => [task.spec.id, payload])).toEqual(
      TEN.filter(({ id }) => id !== 't4').map(({ id }) => [id, payloadOf(id)]),
    );
    expect(await user.store.claim(user.request({ max: 10, claimId: 'c' }))).toHaveLength(9);
    for (const { task } of claimed) await user.complete(task);
    await expect(user.store.find('t4')).rejects.toThrow(TaskDamaged);
    await expect(user.store.findPayload('t4')).rejects.toThrow(TaskDamaged);
    await expect(user.store.insert([user.newTask({ id: 't4' })])).rejects.toThrow(TaskDamaged);
    expect(idsOf((await user.store.views.list({ limit: 100, states: ['completed'] })).tasks)).toHaveLength(9);
    clock.advanceSeconds(ROOMY.retention + 1);
    expect(await user.dueIds()).toHaveLength(9);
    expect(await user.store.untilDue()).toBeDefined();
  });

  it.each(['payloads', 'tasks'])(
    'is refused alone in a bulk request, also by a limited queue: %s',
    async (table) => {
      await (await open()).add(...TEN);
      await damage(table, await numberOf('t4'));
      const user = await open();
      const settings = new SettingsCache(user.store);
      const gate = new DepthGate(user.store, settings);
      const queue = new QueueService(
        user.store,
        new FinishWaiters(user.store, openParking(loadConfig({}))),
        gate,
      );
      const drafts = ['t3', 't4', 'new'].map((id) => ({ spec: spec({ id }), payload: payloadOf(id) }));
      for (const maxDepth of [null, 3]) {
        await user.store.settings.change('default', { maxDepth });
        await settings.known();
        expect((await queue.enqueueAll(drafts.slice(0, 2))).map(nameOfResult)).toEqual(['t3', 'TaskDamaged']);
      }
      await user.store.settings.change('default', { maxDepth: null });
      await settings.known();
      expect((await queue.enqueueAll(drafts)).map(nameOfResult)).toEqual(['t3', 'TaskDamaged', 'new']);
    },
  );

  it('is counted by its batch no more, and remembered no more, when a clear has taken it', async () => {
    const user = await open();
    await user.add({ id: 'a', batchId: 'b' });
    // It is damaged after the store was opened.
    const files = (store as unknown as { files: QueueFiles }).files;
    const records = openTable<Buffer, number>(files.root, 'tasks', { encoding: 'binary' });
    await records.put(1, Buffer.alloc(100));
    await expect(user.store.find('a')).rejects.toThrow(TaskDamaged);
    await user.store.clear({});
    await store?.reclaimed();
    expect(await user.store.views.countBatch('b')).toEqual([]);
    expect(files.quarantine.size).toBe(0);
    expect(await damages()).toEqual([]);
  });

  it('is counted no more once it is found: its queue, its batch, the totals, and the positions behind it', async () => {
    const user = await open();
    await user.add(...TEN.map(({ id }) => ({ id, batchId: 'b', group: 'g', requires: { gpu: 'a' } })));
    const held = await user.takeOne({ labels: { gpu: 'a' } });
    await user.store.settings.change('default', { maxConcurrency: 1 });
    const files = (store as unknown as { files: QueueFiles }).files;
    // They are damaged after the store was opened: the one that is held, the first record, and the second payload.
    const bytes = (table: string) => openTable<Buffer, number>(files.root, table, { encoding: 'binary' });
    await bytes('tasks').put(1, Buffer.alloc(100));
    await bytes('tasks').put(2, Buffer.alloc(100));
    await bytes('payloads').put(3, Buffer.alloc(100));
    for (const id of ['t1', 't2']) await expect(user.store.findPayload(id)).rejects.toThrow(TaskDamaged);
    // The counts of a batch follow a look at its names.
    await until(async () => (await user.store.views.countBatch('b'))[0]?.counts.queued === 7);
    expect((await user.store.views.countQueue('default'))?.counts).toMatchObject({
      queued: 7,
      processing: 1,
    });
    expect(await user.store.views.totals()).toEqual({ queued: 7, all: 8 });
    expect(await user.store.views.depth('default')).toBe(7);
    expect(await user.store.views.position(await user.find('t3'))).toBe(1);
    // What is held is remembered, and its holder completes it.
    await user.complete(held);
    const claims = [];
    for (let claim = 0; claim < 8; claim += 1) {
      const [next] = await user.take({ labels: { gpu: 'a' } });
      if (next === undefined) break;
      claims.push(next.spec.id);
      await user.complete(next);
    }
    expect(claims).toEqual(['t3', 't4', 't5', 't6', 't7', 't8', 't9']);
    expect(await user.store.views.totals()).toEqual({ queued: 0, all: 8 });
    expect((await user.store.views.countBatch('b'))[0]?.counts).toMatchObject({ queued: 0, completed: 8 });
  });

  it('leaves its place among those that are worked on, when it is found while it is held', async () => {
    const user = await open();
    await user.add({ id: 'a' }, { id: 'b' });
    await user.store.settings.change('default', { maxConcurrency: 1 });
    await user.takeOne({ lease: 5 });
    expect(await user.take()).toEqual([]);
    const files = (store as unknown as { files: QueueFiles }).files;
    const records = openTable<Buffer, number>(files.root, 'tasks', { encoding: 'binary' });
    await records.put(1, Buffer.alloc(100));
    clock.advanceSeconds(6);
    expect(await user.dueIds()).toEqual([]);
    await until(async () => (await user.store.views.totals()).all === 1);
    expect(await user.take()).toMatchObject([{ spec: { id: 'b' } }]);
  });

  it('is gone after a clear, and its id is free', async () => {
    await (await open()).add(...TEN);
    await damage('payloads', await numberOf('t1'));
    await damage('tasks', await numberOf('t2'));
    const user = await open();
    expect(await user.take({ max: 10 })).toHaveLength(8);
    expect(await user.store.clear({})).toBe(8);
    await store?.reclaimed();
    await user.add(...TEN);
    expect(await totalOf(user.store)).toBe(10);
    expect(await damages()).toEqual([]);
  });

  it.each([
    ['all', TEN],
    ['it alone', [{ id: 't2' }]],
  ])('leaves nothing behind that leads to a later task, when a clear has taken %s', async (_, tasks) => {
    await (await open()).add(...tasks.map(({ id }) => ({ id, batchId: 'b' })));
    await damage('tasks', await numberOf('t2'));
    await (await open()).store.clear({});
    await store?.reclaimed();
    expect(await damages()).toEqual([]);

    // The store gives out its numbers again: no task of these may be taken for the one that was damaged.
    const user = await open();
    const others = Array.from({ length: 5 }, (_, index) => ({ id: `other${index}` }));
    await user.add(...others);
    expect(await user.store.views.countBatch('b')).toEqual([]);
    expect(await user.store.find('t2')).toBeUndefined();
    await user.add({ id: 't2' });
    expect(idsOf(await user.take({ max: 10 }))).toEqual([...others.map(({ id }) => id), 't2']);
    expect(await damages()).toEqual([]);
  });

  it('takes no sound task out, when it is an id that leads to the wrong one', async () => {
    const user = await open();
    await user.add({ id: 'sound' }, { id: 'lost' });
    const number = await numberOf('sound');
    const root = openFile(directory, { isInPieces: false });
    await openTable<number, string>(root, 'numbers', { encoding: 'ordered-binary' }).put('lost', number);
    await root.close();
    const again = await open();
    await expect(again.store.find('lost')).rejects.toThrow(TaskDamaged);
    expect((await again.store.find('sound'))?.spec.id).toBe('sound');
    expect(idsOf(await again.take())).toEqual(['sound']);
  });

  it.each([
    ['tasks', 'The start has read 1 of 2 task records'],
    ['batchTasks', 'The start cannot read the key of a batch entry'],
  ])('ends the start when an entry of "%s" has a key that would leave it out', async (table, reason) => {
    const user = await open();
    await user.add({ id: 'sound', batchId: 'b' });
    await store?.close();
    store = undefined;
    const root = openFile(directory, { isInPieces: false });
    await openTable<Buffer, string>(root, table, { encoding: 'binary' }).put('stray', Buffer.alloc(100));
    await root.close();
    await expect(open()).rejects.toThrow(reason);
  });

  it('is told of an output and of an attempt', async () => {
    const user = await open();
    await fillWithEverything(user);
    const [completed, failed] = [await numberOf('completed'), await numberOf('failed')];
    await damage('outputs', completed);
    const attempt = (await failedAttempt(failed)) ?? [failed, 0];
    await damage('attempts', attempt);
    expect(await damages()).toHaveLength(2);
    const again = await open();
    await expect(again.store.findOutput('completed')).rejects.toThrow(TaskDamaged);
    await expect(again.store.findAttempts('failed')).rejects.toThrow(TaskDamaged);
    expect(await again.store.findAttempts('held')).toEqual([]);
  });

  it.each(['damaged', 'missing'])('hands out no task whose checkpoint is %s', async (kind) => {
    const user = await open();
    await user.add({ id: 'bad' }, { id: 'good' });
    for (const task of await user.take({ max: 2 })) {
      const given = { leaseId: task.lease.id, checkpointBytes: 2 };
      const step = release(task, given, user.now);
      await user.store.replace(step ? [{ ...step, checkpoint: { text: '{}', growth: 2 } }] : []);
    }
    const number = await numberOf('bad');
    if (kind === 'damaged') await damage('checkpoints', number);
    else {
      await store?.close();
      const root = openFile(directory, { isInPieces: true });
      await openTable<Buffer, number>(root, 'checkpoints', { encoding: 'binary' }).remove(number);
      await root.close();
    }
    expect(await damages()).toEqual([expect.stringMatching(/^task bad: its checkpoint/)]);
    const again = await open();
    const [claimed] = await again.store.claim(again.request({ max: 2 }));
    expect([claimed?.task.spec.id, claimed?.checkpoint]).toEqual(['good', '{}']);
    await expect(again.store.findCheckpoint('bad')).rejects.toThrow(TaskDamaged);
  });

  it('pauses a queue whose settings are unknown, until they are set again', async () => {
    const user = await open();
    await user.store.settings.change('a', { maxConcurrency: 2 });
    await user.store.settings.change('b', { maxConcurrency: 3 });
    await damage('settings', 'a');
    expect(await damages()).toEqual([expect.stringMatching(/^settings "a": /)]);
    const again = await open();
    await again.add({ id: 'x', queue: 'a' }, { id: 'y', queue: 'b' });
    expect(await again.store.settings.of('b')).toEqual({ maxConcurrency: 3 });
    expect(await again.store.settings.of('a')).toEqual({ paused: true });
    expect(idsOf(await again.take({ queues: ['a', 'b'], max: 2 }))).toEqual(['y']);
    await again.store.settings.change('a', { paused: null });
    expect(idsOf(await again.take({ queues: ['a'] }))).toEqual(['x']);
  });

  it('is as if a document were not there, and it can be written again', async () => {
    const { documents } = (await open()).store;
    await documents.put('schedule', { id: 'a', text: '{"n":1}', expected: 0 });
    await documents.put('schedule', { id: 'b', text: '{"n":2}', expected: 0 });
    await damage('documents', ['schedule', 'a']);
    expect(await damages()).toHaveLength(1);
    const { documents: again } = (await open()).store;
    expect(await again.get('schedule', 'a')).toBeUndefined();
    expect((await again.list('schedule', { limit: 9 })).documents.map(({ id }) => id)).toEqual(['b']);
    await again.put('schedule', { id: 'a', text: '{"n":3}', expected: 0 });
    expect((await again.list('schedule', { limit: 9 })).documents.map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('passes over a notice', async () => {
    const user = await open();
    await user.add(
      { id: 'a', callbackUrl: 'http://127.0.0.1:1/a' },
      { id: 'b', callbackUrl: 'http://127.0.0.1:1/b' },
    );
    for (const task of await user.take({ max: 2 })) await user.complete(task);
    const [first, second] = (await user.store.outbox?.oldest(9)) ?? [];
    await damage('notices', Number(first?.key));
    const again = await open();
    expect(await again.store.outbox?.oldest(1)).toEqual([second]);
  });

  it('refuses a store whose counters are unknown', async () => {
    await (await open()).store.clear({});
    await damage('counters', 'generation');
    await expect(open()).rejects.toThrow('does not match its checksum');
  });

  it('is found in a payload of an older build, which has no checksum, when it is no JSON any more', async () => {
    writeFileSync(join(directory, 'queue.mdb'), gunzipSync(readFileSync(FIXTURE)));
    await damage('payloads', await numberOf('unicode'), -1);
    expect(await damages()).toEqual(['task unicode: its payload: it is not what a store writes']);
    const user = await open();
    expect(idsOf(await user.take({ queues: ['c'], max: 9, labels: { gpu: 'a100' } }))).toEqual(['large']);
  });
});

/** The key of the only attempt of a task. */
async function failedAttempt(number: number): Promise<readonly [number, number] | undefined> {
  const root = openFile(directory, { isInPieces: false });
  const table = openTable<unknown, [number, number]>(root, 'attempts', { encoding: 'binary' });
  const keys = [...table.getKeys({ start: [number, 0], end: [number, Infinity] })];
  await root.close();
  return keys[0];
}
