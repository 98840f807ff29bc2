import { LuaScript } from '../../../../src/storage/redis/connection/lua-script.js';
import type { TaskFilter } from '../../../../src/storage/task-views.js';
import { TASK_STATES } from '../../../../src/task/task-state.js';
import { cancel } from '../../../../src/task/task.machine.js';
import { contentsOf } from '../../../support/store-contents.js';
import { idsOf, type StoreUser } from '../../../support/store-user.js';
import { StoreWitness } from '../../../support/store-witness.js';
import { until } from '../../../support/until.js';
import { useRedis } from './redis.site.js';

const site = useRedis();

/** A process that marks what it clears, and ends before it has removed any of it. */
const ENDING = { clears: { atOnce: 0, isReclaiming: false } };
/** A process that marks what it clears. */
const MARKING = { clears: { atOnce: 0, isReclaiming: true } };

type Filter = Pick<TaskFilter, 'states' | 'queues'>;

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

/** Tasks of every state and kind, in lanes and in a plain queue. */
async function fill(user: StoreUser): Promise<void> {
  await user.store.settings.change('default', { maxConcurrencyPerGroup: 1 });
  const kinds = [
    {},
    { group: 'g' },
    { group: 'h', requires: { gpu: 'a100' } },
    { requires: { gpu: 'a100' } },
  ];
  const labels = { gpu: 'a100' };
  for (const [index, kind] of kinds.entries()) {
    const given = (name: string) => ({ id: `${name}${index}`, batchId: index < 2 ? 'b' : 'c', ...kind });
    await user.add(given('ended'), given('cancelled'));
    await user.complete(await user.takeOne({ labels }), '"output"');
    await user.write(cancel(await user.find(`cancelled${index}`), undefined, user.now));
  }
  for (const [index, kind] of kinds.entries()) {
    const given = (name: string) => ({ id: `${name}${index}`, batchId: 'b', ...kind });
    await user.add(given('held'));
    await user.take({ labels, claimId: `claim${index}` });
    await user.add({ ...given('waiting'), ttl: 60 }, given('more'), { ...given('later'), delay: 5 });
  }
  // Groups at their limit are met.
  await user.take({ queues: ['none'] });
  await user.add({ id: 'p0', queue: 'plain', ttl: 50 }, { id: 'p1', queue: 'plain', delay: 9 });
}

async function everythingOf(user: StoreUser) {
  return {
    ...(await contentsOf(user.store)),
    batches: [await user.store.views.countBatch('b'), await user.store.views.countBatch('c')],
    totals: await user.store.views.totals(),
    depth: await user.store.views.depth('default'),
  };
}

/** Removes one cleared task at a time. Answers whether there are more. */
async function reclaimOne(queue: string): Promise<boolean> {
  const script = new LuaScript('reclaim');
  const client = await site.client();
  const reply = await script.run(client, { keys: [site.keys.queue(queue)], args: [1, 'test', 1_000] });
  return (reply as readonly [unknown, unknown, number])[2] > 0;
}

/** What is left in Redis, but for counters, events, settings and fences. */
async function keysLeft(): Promise<readonly string[]> {
  const keys = await (await site.client()).keys(`${site.prefix}:*`);
  return keys
    .filter((key) => !/:(?:meta|events|settings|queues|generation|gone:.*)$|^[^{]*:claim:/.test(key))
    .toSorted();
}

const FILTERS: readonly Filter[] = [
  {},
  { states: ['queued'] },
  { states: ['processing'] },
  { states: ['delayed', 'completed'] },
  { states: ['completed', 'cancelled'] },
  { queues: ['plain'] },
];

describe('tasks behind a mark', () => {
  it.each(FILTERS)('are hidden while they are removed one by one: %j', async (filter) => {
    const user = await site.user(ENDING);
    const other = await site.user(ENDING);
    await fill(user);
    const before = await contentsOf(user.store);
    const gone = before.tasks.filter(({ task }) => matches(filter, task));
    expect(await user.store.clear(filter)).toBe(gone.length);
    await new StoreWitness(other.store).settle(other);
    const after = await everythingOf(other);
    expect(after.tasks).toHaveLength(before.tasks.length - gone.length);
    for (const queue of filter.queues ?? ['default', 'plain']) {
      for (let hasMore = true; hasMore;) {
        hasMore = await reclaimOne(queue);
        expect(await everythingOf(other)).toEqual(after);
      }
    }
    expect((await keysLeft()).filter((key) => key.includes(':clear'))).toEqual([]);
    expect(await user.store.clear({})).toBe(before.tasks.length - gone.length);
    while ((await reclaimOne('default')) || (await reclaimOne('plain')));
    expect((await keysLeft()).filter((key) => !key.includes(':id:'))).toEqual([]);
  });

  it('are removed by another process after the one that marked them has ended', async () => {
    const ending = await site.user(ENDING);
    const other = await site.user(MARKING);
    await ending.store.insert(range(100).map((index) => ending.newTask({ id: `t${index}` })));
    expect(await ending.store.clear({})).toBe(100);
    await ending.store.close();
    const generations: number[] = [];
    other.store.watch({
      onTransitions: () => undefined,
      onLimitsRelaxed: () => generations.push(other.store.generation),
      onGap: () => undefined,
    });
    expect(await other.store.untilDue()).toBeUndefined();
    await site.reclaimed();
    expect(await keysLeft()).toEqual([]);
    // It tells of the clear again, for all those whom the one that has ended told nothing.
    await new StoreWitness(other.store).settle(other);
    expect(generations.length).toBeGreaterThan(0);
  });

  it('are removed by a process that starts', async () => {
    const ending = await site.user(ENDING);
    await ending.add({ id: 'a' }, { id: 'b', queue: 'q' });
    await ending.store.clear({});
    await ending.store.close();
    const next = await site.user(MARKING);
    expect(await next.store.due(1)).toEqual([]);
    await site.reclaimed();
    expect(await keysLeft()).toEqual([]);
  });

  it('are removed by one process at a time', async () => {
    const [one, other] = [await site.user(ENDING), await site.user(MARKING)];
    await one.add({ id: 'a' });
    await one.store.clear({});
    await (await site.client()).set(`${site.keys.queue('default')}:reclaimer`, 'one', 'PX', 60_000);
    await other.store.untilDue();
    await site.reclaimed();
    expect(await keysLeft()).toContain(site.keys.task('default', 'a'));
  });

  it.each([false, true])('leave their ids to new tasks, in a Cluster: %j', async (isCluster) => {
    const user = await site.user({ ...ENDING, isCluster });
    await fill(user);
    const ids = (await user.list()).map(({ spec }) => spec.id);
    await user.store.clear({});
    const items = ids.map((id) => user.newTask({ id, queue: 'default' }, '"code":"new"'));
    expect(await user.store.insert(items)).toEqual(ids.map(() => undefined));
    const fresh = await contentsOf(user.store);
    const whole = { attempts: [], output: undefined, payload: '"code":"new"' };
    for (const parts of fresh.tasks) expect(parts).toMatchObject(whole);
    expect(idsOf(fresh.tasks.flatMap(({ task }) => task ?? []))).toEqual(ids.toSorted());
    while ((await reclaimOne('default')) || (await reclaimOne('plain')));
    expect(await contentsOf(user.store)).toEqual(fresh);
    expect((await user.take({ max: 100 })).length).toBe(ids.length);
    for (const task of await user.list()) expect(task.attempt).toBe(1);
  });

  it('free an id for another queue, in a Cluster', async () => {
    const user = await site.user({ ...ENDING, isCluster: true });
    await user.add({ id: 'a', queue: 'old' });
    await user.store.clear({});
    await user.add({ id: 'a', queue: 'new' });
    while (await reclaimOne('old'));
    expect((await user.find('a')).spec.queue).toBe('new');
  });

  it('delay no later task of their lane, round and ring, and have no position', async () => {
    const user = await site.user(ENDING);
    const kinds = [{ group: 'g' }, { group: 'h', requires: { gpu: 'a100' } }, {}];
    const old = await user.add(
      ...kinds.flatMap((kind, index) => range(3).map((n) => ({ id: `old${index}${n}`, ...kind }))),
    );
    await user.store.clear({ states: ['queued'] });
    await user.add(...kinds.map((kind, index) => ({ id: `new${index}`, ...kind })));
    for (const task of old) expect(await user.store.views.position(task)).toBeUndefined();
    const positions = await Promise.all(
      kinds.map(async (_, index) => user.store.views.position(await user.find(`new${index}`))),
    );
    expect(positions).toEqual([3, 3, 3]);
    const labels = { gpu: 'a100' };
    expect(idsOf(await user.take({ labels, max: 9 }))).toEqual(['new0', 'new1', 'new2']);
  });

  it('leave tasks alone that entered a cleared state later', async () => {
    const user = await site.user(ENDING);
    const [stays] = await user.add({ id: 'stays' }, { id: 'ends' });
    await user.take({ max: 2 });
    await user.complete(await user.find('ends'));
    expect(await user.store.clear({ states: ['completed'] })).toBe(1);
    await user.complete(await user.find(stays.spec.id));
    while (await reclaimOne('default'));
    expect(idsOf(await user.list())).toEqual(['stays']);
  });

  it('do not count towards the bytes of ended tasks', async () => {
    const user = await site.user({ ...ENDING, settings: { retentionMaxBytes: 250_000 } });
    const end = async (id: string) => {
      user.clock.advance(1);
      await user.addWith('x'.repeat(100_000), { id });
      await user.complete(await user.takeOne());
    };
    await user.write(cancel((await user.add({ id: 'kept' }))[0], undefined, user.now));
    for (const id of ['a', 'b']) await end(id);
    await user.store.clear({ states: ['completed'] });
    for (const id of ['c', 'd']) await end(id);
    expect(await user.dueIds()).toEqual([]);
    while (await reclaimOne('default'));
    expect(await user.dueIds()).toEqual([]);
    await end('e');
    expect(await user.dueIds()).toEqual(['c', 'kept']);
  });

  it('do not delay due tasks', async () => {
    const user = await site.user(ENDING);
    await user.add(...range(40).map((index) => ({ id: `t${index}`, delay: 1 })), { id: 'kept', ttl: 2 });
    await user.store.clear({ states: ['delayed'] });
    user.clock.advanceSeconds(3);
    expect(await user.store.untilDue()).toBe(0);
    while ((await user.dueIds(10)).length === 0);
    expect(await user.dueIds(10)).toEqual(['kept']);
  });
});

describe('clears', () => {
  it('wait when a queue has many marks', async () => {
    const user = await site.user(ENDING);
    for (const index of range(40)) {
      await user.add({ id: `t${index}` });
      expect(await user.store.clear({})).toBe(1);
    }
    const client = await site.client();
    expect(await client.hlen(`${site.keys.queue('default')}:clears`)).toBeLessThanOrEqual(16);
  });

  it('run in steps while a process is connected that does not know marks', async () => {
    const older = await site.client();
    await older.subscribe(site.keys.moves);
    const user = await site.user(MARKING);
    await user.store.insert(range(100).map((index) => user.newTask({ id: `t${index}` })));
    expect(await user.store.clear({})).toBe(100);
    const client = await site.client();
    expect(await client.exists(`${site.keys.queue('default')}:reclaimer`)).toBe(0);
    expect(await client.hget(`${site.keys.queue('default')}:meta`, 'clears')).toBeNull();
    expect(await keysLeft()).toEqual([]);
  });

  it('run in steps when Redis does not report its subscribers', async () => {
    const admin = await site.client();
    await admin.acl('SETUSER', 'limited', 'on', '>secret', '~*', '&*', '+@all', '-pubsub');
    const url = site.server.url.replace('redis://', 'redis://limited:secret@');
    const user = await site.user({ ...MARKING, url });
    await user.add({ id: 'a' });
    expect(await user.store.clear({})).toBe(1);
    expect(await admin.hget(`${site.keys.queue('default')}:meta`, 'clears')).toBeNull();
  });

  it('release groups whose tasks were in processing', async () => {
    const user = await site.user(ENDING);
    await user.store.settings.change('default', { maxConcurrencyPerGroup: 1 });
    await user.add(...range(4).map((index) => ({ id: `t${index}`, group: index < 2 ? 'g' : 'h' })));
    expect(await user.take({ max: 4 })).toHaveLength(2);
    expect(await user.store.clear({ states: ['processing'] })).toBe(2);
    expect(await user.take({ max: 4 })).toHaveLength(2);
  });

  it('are known to a process that missed them, when it asks', async () => {
    const [one, other] = [await site.user(ENDING), await site.user(ENDING)];
    await one.add({ id: 'a' });
    // The process that clears ends before it tells anybody.
    const client = await site.client();
    await client.acl('SETUSER', 'mute', 'on', '>secret', '~*', '&*', '+@all', '-publish');
    const url = site.server.url.replace('redis://', 'redis://mute:secret@');
    const mute = await site.user({ ...ENDING, url });
    await expect(mute.store.clear({})).rejects.toMatchObject({ applied: 'unknown' });
    expect(await other.store.find('a')).toBeUndefined();
    expect(other.store.generation).toBe(0);
    expect(await other.store.latestGeneration()).toBe(1);
  });

  it('are announced by a process that knows more of them than Redis, after a failover', async () => {
    const user = await site.user();
    for (const count of [1, 2, 3]) {
      await user.store.clear({});
      expect(user.store.generation).toBe(count);
    }
    // The new master had only the first one.
    await (await site.client()).set(site.keys.generation, 1);
    expect(await user.store.latestGeneration()).toBe(3);
    await user.store.clear({});
    expect(user.store.generation).toBe(4);
    expect((await site.open()).generation).toBe(4);
  });

  it('are counted from the highest number that a process knows, after a failover', async () => {
    const [one, other] = [await site.user(), await site.user()];
    for (let clears = 0; clears < 3; clears += 1) await one.store.clear({});
    const client = await site.client();
    await client.set(site.keys.generation, 1);
    await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until(async () => (await client.get(site.keys.generation)) === '3');
    await other.store.clear({});
    await until(() => one.store.generation === 4);
    expect(other.store.generation).toBe(4);
  });
});

function matches({ states = TASK_STATES, queues }: Filter, task: StoreTask): boolean {
  if (task === undefined) return false;
  return states.includes(task.state) && (queues?.includes(task.spec.queue) ?? true);
}

type StoreTask = Awaited<ReturnType<StoreUser['store']['find']>>;
