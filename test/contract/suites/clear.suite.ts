import { contentsOf, countsOf, totalOf } from '../../support/store-contents.js';
import type { StartStore } from '../../support/store-harness.js';
import { idsOf, payloadOf, type StoreUser } from '../../support/store-user.js';
import { cancel } from '../../../src/task/task.machine.js';
import { TASKS_PER_COMMIT } from '../../../src/storage/task-store.js';
import type { TaskFilter } from '../../../src/storage/task-views.js';

type Filter = Pick<TaskFilter, 'states' | 'queues'>;

/** In each of two queues one task of each of four states. */
async function fill(user: StoreUser): Promise<void> {
  for (const queue of ['a', 'b']) {
    await user.add({ id: `${queue}-processing`, queue }, { id: `${queue}-completed`, queue });
    await user.take({ queues: [queue] });
    await user.complete(await user.takeOne({ queues: [queue] }), '"output"');
    await user.add({ id: `${queue}-queued`, queue }, { id: `${queue}-delayed`, queue, delay: 5 });
  }
}

const FILTERS: readonly [string, Filter, readonly string[]][] = [
  ['a state', { states: ['queued'] }, ['a-queued', 'b-queued']],
  [
    'several states',
    { states: ['completed', 'delayed'] },
    ['a-completed', 'a-delayed', 'b-completed', 'b-delayed'],
  ],
  ['a queue', { queues: ['a'] }, ['a-completed', 'a-delayed', 'a-processing', 'a-queued']],
  ['a state of a queue', { queues: ['b', 'c'], states: ['processing'] }, ['b-processing']],
  ['what is not there', { queues: ['c'] }, []],
  ['no state at all', { states: [] }, []],
  ['no queue at all', { queues: [] }, []],
];

export function describeClear(start: StartStore): void {
  it('forgets everything and says how much that was', async () => {
    const user = await start();
    await fill(user);
    expect(await user.store.clear({})).toBe(8);
    const after = await contentsOf(user.store);
    expect(after).toMatchObject({ newestFirst: {}, tasks: [], counts: [], due: [], untilDue: undefined });
    expect(await user.store.find('a-completed')).toBeUndefined();
    expect(await user.store.findPayload('a-completed')).toBeUndefined();
    expect(await user.store.findOutput('a-completed')).toBeUndefined();
    expect(await user.store.findAttempts('a-completed')).toEqual([]);
    expect(await user.take({ queues: ['a', 'b'] })).toEqual([]);
    expect(await user.store.clear({})).toBe(0);
    await user.harness.reopen();
    expect(await user.list()).toEqual([]);
  });

  it.each(FILTERS)('forgets only %s when asked to', async (_, filter, gone) => {
    const user = await start();
    await fill(user);
    const before = await contentsOf(user.store);
    const stays = before.tasks.filter(({ task }) => !gone.includes(task?.spec.id ?? ''));
    expect(await user.store.clear(filter)).toBe(gone.length);
    const after = await contentsOf(user.store);
    expect(after.tasks).toEqual(stays);
    expect(await totalOf(user.store)).toBe(8 - gone.length);
    await user.harness.reopen();
    expect(await contentsOf(user.store)).toEqual(after);
  });

  it('closes the gaps in the queue', async () => {
    const user = await start();
    const [first] = await user.add({ id: 'first' }, { id: 'second' }, { id: 'third', queue: 'other' });
    await user.write(cancel(first, undefined, user.now));
    const again = await user.redrive(await user.find('first'));
    expect(await user.store.clear({ states: ['cancelled'] })).toBe(0);
    expect(await user.store.views.position(again)).toBe(1);
    await user.store.clear({ queues: ['default'] });
    await user.add({ id: 'fourth' });
    expect(await user.store.views.position(await user.find('fourth'))).toBe(1);
    expect(await user.store.views.position(await user.find('third'))).toBe(1);
  });

  it('counts a generation for every call, also across restarts', async () => {
    const user = await start();
    const first = user.store.generation;
    await user.store.clear({});
    expect(user.store.generation).toBe(first + 1);
    await user.store.clear({ states: ['failed'] });
    await Promise.all([user.store.clear({}), user.store.clear({})]);
    expect(user.store.generation).toBe(first + 4);
    await user.harness.reopen();
    expect(user.store.generation).toBe(first + 4);
    await user.store.clear({});
    expect(user.store.generation).toBe(first + 5);
  });

  it('refuses writes on what was cleared', async () => {
    const user = await start();
    const [task] = await user.add({});
    const transition = cancel(task, undefined, user.now);
    await user.store.clear({});
    expect(await user.store.replace(transition ? [transition] : [])).toEqual([false]);
    expect(await user.store.remove([task])).toEqual([false]);
    expect(await user.list()).toEqual([]);
  });

  it('frees the ids', async () => {
    const user = await start();
    await fill(user);
    await user.store.clear({});
    const fresh = await user.addWith('"code":"new"', { id: 'a-completed', queue: 'a' });
    expect(await user.store.find('a-completed')).toEqual(fresh);
    expect(await user.store.findAttempts('a-completed')).toEqual([]);
    expect(await user.store.findOutput('a-completed')).toBeUndefined();
    expect((await countsOf(user.store)).map(({ queue, counts }) => [queue, counts.queued])).toEqual([
      ['a', 1],
    ]);
  });

  it.each([{}, { states: ['queued'] as const }])(
    'takes all tasks of a queue out of sight at once: %j',
    async (filter) => {
      const user = await start();
      await user.store.insert(
        Array.from({ length: TASKS_PER_COMMIT }, (_, index) => user.newTask({ id: `t${index}` })),
      );
      const { generation } = user.store;
      let isDone = false;
      const clearing = user.store.clear(filter).finally(() => (isDone = true));
      const seen: number[] = [];
      while (!isDone) {
        seen.push(await totalOf(user.store));
        await new Promise(setImmediate);
      }
      expect(await clearing).toBe(TASKS_PER_COMMIT);
      expect(seen.filter((total) => total !== 0 && total !== TASKS_PER_COMMIT)).toEqual([]);
      expect(user.store.generation).toBe(generation + 1);
    },
  );

  it('goes on after a crash, and leaves alone what came since', async () => {
    const user = await start();
    const ids = Array.from({ length: 300 }, (_, index) => `t${index}`);
    const spec = (id: string) => ({ id, batchId: 'b', group: 'g' });
    await user.add(...ids.map(spec));
    expect(await user.store.clear({})).toBe(300);
    await user.harness.crash();
    expect(await totalOf(user.store)).toBe(0);
    expect(await user.store.views.countBatch('b')).toEqual([]);
    await user.addWith('"code":"new"', spec('t200'));
    await user.harness.crash();
    expect(await user.store.findPayload('t200')).toBe('"code":"new"');
    expect(idsOf(await user.take({ max: 2 }))).toEqual(['t200']);
    expect(idsOf(await user.list())).toEqual(['t200']);
  });

  it('says of every clear that there is one, when it is asked', async () => {
    const user = await start();
    const first = await user.store.latestGeneration();
    await user.store.clear({});
    expect(await user.store.latestGeneration()).toBe(first + 1);
    expect(user.store.generation).toBe(first + 1);
  });

  it('leaves no zombies of inserts and claims at the same time', async () => {
    const user = await start();
    for (let round = 0; round < 10; round++) await raceWithClear(user, round);
  });
}

/** Inserts, claims and completes around a clear, then checks that what is left is whole and adds up. */
async function raceWithClear(user: StoreUser, round: number): Promise<void> {
  const kept = await user.list();
  const ids = Array.from({ length: 30 }, (_, index) => `r${round}-${index}`);
  const insert = (id: string) => user.store.insert([user.newTask({ id, ttl: 3_600 })]);
  await Promise.all(ids.slice(0, 10).map(insert));
  const claims = [0, 1, 2].map(() => user.take({ max: 3 }));
  const inserts = ids.slice(10, 20).map(insert);
  const clearing = user.store.clear({});
  const more = [...ids.slice(20).map(insert), user.take({ max: 3 }), user.take({ max: 3 })];
  const removed = await clearing;
  await Promise.all([...inserts, ...more]);
  await Promise.all(claims);

  const left = await user.list();
  expect(removed + left.length).toBe(kept.length + ids.length);
  expect(await totalOf(user.store)).toBe(left.length);
  for (const task of left) {
    expect(await user.store.findPayload(task.spec.id)).toBe(payloadOf(task.spec.id));
    expect((await user.store.views.position(task)) === undefined).toBe(task.state === 'processing');
  }
  const before = await contentsOf(user.store);
  await user.harness.reopen();
  expect(await contentsOf(user.store)).toEqual(before);
  const waiting = idsOf(left.filter(({ state }) => state === 'queued'));
  expect(idsOf(await user.take({ max: 100 })).toSorted()).toEqual(waiting.toSorted());
}
