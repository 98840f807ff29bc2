import type { StartStore } from '../../support/store-harness.js';
import { idsOf, type StoreUser } from '../../support/store-user.js';
import { cancel } from '../../../src/task/task.machine.js';
import type { TaskFilter } from '../../../src/storage/task-views.js';

/** Tasks in two queues and two batches, a second apart, in several states. Answers when the first one was made. */
async function fill(user: StoreUser): Promise<number> {
  const began = user.now.wall;
  const rows = [
    { id: 't0', queue: 'a', batchId: 'x' },
    { id: 't1', queue: 'b', batchId: 'x' },
    { id: 't2', queue: 'a', batchId: 'y' },
    { id: 't3', queue: 'b' },
    { id: 't4', queue: 'a', delay: 60 },
    { id: 't5', queue: 'a', batchId: 'x' },
  ];
  for (const row of rows) {
    await user.add(row);
    user.clock.advance(1_000);
  }
  await user.takeOne({ queues: ['a'], workerId: 'w1' });
  await user.takeOne({ queues: ['b'], workerId: 'w2' });
  await user.complete(await user.takeOne({ queues: ['a'], workerId: 'w3' }));
  return began;
}

const FILTERS: readonly [string, (began: number) => TaskFilter, readonly string[]][] = [
  ['everything', () => ({}), ['t5', 't4', 't3', 't2', 't1', 't0']],
  ['a state', () => ({ states: ['processing'] }), ['t1', 't0']],
  ['several states', () => ({ states: ['completed', 'delayed', 'failed'] }), ['t4', 't2']],
  ['a state that no task has', () => ({ states: ['expired'] }), []],
  ['a queue', () => ({ queues: ['a'] }), ['t5', 't4', 't2', 't0']],
  ['several queues', () => ({ queues: ['b', 'none', 'a'] }), ['t5', 't4', 't3', 't2', 't1', 't0']],
  ['a queue without tasks', () => ({ queues: ['none'] }), []],
  ['no queue at all', () => ({ queues: [] }), []],
  ['no state at all', () => ({ states: [] }), []],
  ['a batch', () => ({ batchId: 'x' }), ['t5', 't1', 't0']],
  ['a batch without tasks', () => ({ batchId: 'none' }), []],
  ['what a worker holds', () => ({ workerId: 'w2', states: ['processing'] }), ['t1']],
  ['a worker that never was', () => ({ workerId: 'w9' }), []],
  ['what came after an instant', (began) => ({ createdAfter: began + 3_000 }), ['t5', 't4']],
  ['what came before an instant', (began) => ({ createdBefore: began + 2_000 }), ['t1', 't0']],
  [
    'what came between instants',
    (began) => ({ createdAfter: began + 999.5, createdBefore: began + 3_000.5 }),
    ['t3', 't2', 't1'],
  ],
  [
    'all filters together',
    () => ({ queues: ['a'], states: ['processing', 'queued'], batchId: 'x' }),
    ['t5', 't0'],
  ],
];

export function describeList(start: StartStore): void {
  it('is empty for an empty store', async () => {
    const { store } = await start();
    expect((await store.views.list({ limit: 10 })).tasks).toEqual([]);
  });

  it.each(FILTERS)('lists %s, newest first', async (_, filterSince, ids) => {
    const user = await start();
    const filter = filterSince(await fill(user));
    expect(idsOf(await user.list(filter))).toEqual(ids);
    expect(idsOf(await user.list({ ...filter, limit: 1 }))).toEqual(ids);
    await user.harness.reopen();
    expect(idsOf(await user.list({ ...filter, limit: 2 }))).toEqual(ids);
  });

  it('lists tasks as they are now', async () => {
    const user = await start();
    await user.add({});
    const held = await user.takeOne();
    expect(await user.list()).toEqual([held]);
    expect(await user.list({ states: ['queued'] })).toEqual([]);
    expect(await user.list({ workerId: 'worker-1' })).toEqual([held]);
  });

  it('lists a task once whose state and queue are named twice', async () => {
    const user = await start();
    await user.add({ id: 'a' }, { id: 'b' });
    const twice = { states: ['queued', 'queued'], queues: ['default', 'default'] } as const;
    expect(idsOf(await user.list(twice))).toEqual(['b', 'a']);
    expect(idsOf(await user.list({ ...twice, limit: 1 }))).toEqual(['b', 'a']);
  });

  it.each([1, 2, 3, 7, 24, 25, 26, 100])('answers every task once in pages of %i', async (limit) => {
    const user = await start();
    await user.add(...Array.from({ length: 25 }, (_, index) => ({ id: `t${index}`, priority: index % 3 })));
    const ids = Array.from({ length: 25 }, (_, index) => `t${24 - index}`);
    expect(idsOf(await user.list({ limit }))).toEqual(ids);
  });

  it.each([1, 3, 10, 50])('lists queues of different sizes as one, in pages of %i', async (limit) => {
    const user = await start();
    // One queue has the youngest tasks, one the oldest, and some have a few in between.
    const queueOf = (index: number) => (index < 20 ? 'old' : index >= 60 ? 'new' : `q${index % 7}`);
    const specs = Array.from({ length: 80 }, (_, index) => ({ id: `t${index}`, queue: queueOf(index) }));
    for (const spec of specs) {
      await user.add(spec);
      user.clock.advance(1);
    }
    const cancelled = specs.filter((_, index) => index % 3 === 0);
    for (const { id } of cancelled) await user.write(cancel(await user.find(id), undefined, user.now));
    const ids = specs.map(({ id }) => id).toReversed();
    expect(idsOf(await user.list({ limit }))).toEqual(ids);
    const waiting = ids.filter((id) => !cancelled.some((spec) => spec.id === id));
    expect(idsOf(await user.list({ limit, states: ['queued', 'failed'] }))).toEqual(waiting);
  });

  it('finds few among many, page by page', async () => {
    const user = await start();
    const specs = Array.from({ length: 3_000 }, (_, index) => ({
      id: `t${index}`,
      batchId: index % 1_000 === 7 ? 'rare' : 'common',
    }));
    await user.add(...specs);
    expect(idsOf(await user.list({ batchId: 'rare', limit: 2 }))).toEqual(['t2007', 't1007', 't7']);
    expect(await user.list({ states: ['failed'], limit: 10 })).toEqual([]);
  });

  it('answers each task that stays once while others come, go and change', async () => {
    const user = await start();
    const specs = Array.from({ length: 30 }, (_, index) => ({
      id: `t${index}`,
      queue: index % 2 ? 'odd' : 'even',
    }));
    await user.add(...specs);
    const seen: string[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < 100; page++) {
      const { tasks, nextCursor } = await user.store.views.list({ limit: 4, cursor });
      seen.push(...idsOf(tasks));
      if (nextCursor === undefined) break;
      cursor = nextCursor;
      await disturb(user, page, tasks.at(-1)?.spec.id);
    }
    expect(new Set(seen).size).toBe(seen.length);
    const stayed = idsOf(await user.list()).filter((id) => id.startsWith('t'));
    expect(seen.filter((id) => stayed.includes(id))).toEqual(stayed);
    expect(seen.filter((id) => id.startsWith('new'))).toEqual([]);
  });

  it('makes cursors that can go into an address', async () => {
    const user = await start();
    const queue = 'the.longest:name-'.padEnd(64, '_?');
    await user.add({ id: 'a', queue }, { id: 'b', queue });
    const { nextCursor } = await user.store.views.list({ limit: 1 });
    expect(nextCursor).toMatch(/^[0-9A-Za-z_-]{1,200}$/);
    expect(idsOf((await user.store.views.list({ limit: 1, cursor: nextCursor })).tasks)).toEqual(['a']);
  });

  it.each(['no cursor!', '%%%', '{"a":1}', '🙂', '\u0000', 'x'.repeat(10_000)])(
    'refuses a cursor that it cannot read: %j',
    async (cursor) => {
      const user = await start();
      await user.add({});
      await expect(user.store.views.list({ limit: 10, cursor })).rejects.toThrow(RangeError);
      expect(await user.list()).toHaveLength(1);
    },
  );
}

/** Adds a task, moves one on, and takes out the one that the page ended with. */
async function disturb(user: StoreUser, page: number, last: string | undefined): Promise<void> {
  await user.add({ id: `new-${page}`, queue: 'new' });
  await user.take({ queues: ['even'] });
  const oldest = (await user.list({ queues: ['odd'], states: ['queued'] })).at(-1);
  if (oldest) await user.write(cancel(oldest, undefined, user.now));
  if (last !== undefined) await user.store.remove([await user.find(last)]);
}
