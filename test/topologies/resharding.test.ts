import { StoreUnavailable } from '../../src/storage/task-store.js';
import { LuaScript } from '../../src/storage/redis/connection/lua-script.js';
import { CALM_NODE_TIMEOUT_MS, RedisCluster } from '../support/redis-cluster.js';
import { openRedisStore } from '../support/redis-store.js';
import { type StoreHarness, harnessOf } from '../support/store-harness.js';
import { idsOf, StoreUser } from '../support/store-user.js';
import { useLinks } from '../unit/redis/link.support.js';
import { FakeClock } from '../support/task.builders.js';

const IDS = Array.from({ length: 8 }, (_, index) => `task-${index}`);
/** Less than it takes to move the slot in these tests, which ask in between. */
const IMPATIENT_MS = 50;
const PATIENT_MS = 60_000;
let cluster: RedisCluster;
let prefix: string;
let stores = 0;
const harnesses: StoreHarness[] = [];

beforeAll(async () => {
  cluster = await RedisCluster.start({ nodeTimeoutMs: CALM_NODE_TIMEOUT_MS });
}, 60_000);

beforeEach(() => {
  stores += 1;
  prefix = `test-${stores}`;
});

afterEach(async () => {
  await Promise.all(harnesses.splice(0).map((harness) => harness.destroy()));
});

afterAll(async () => {
  await cluster.stop();
});

async function openUser(limitMs: number): Promise<StoreUser> {
  const clock = new FakeClock();
  const open = () => openRedisStore({ url: cluster.url, keyPrefix: prefix, clock, limitMs });
  const harness = await harnessOf({ clock, open });
  harnesses.push(harness);
  return new StoreUser(harness);
}

/** Moves the slot of a key to another master, and does something in between. */
async function move(key: string, between: (moved: number) => Promise<void>): Promise<void> {
  const master = await cluster.masterOf(key);
  const target = cluster.servers.find((server) => server !== master) ?? master;
  await cluster.moveSlot(await cluster.slotOf(key), target, between);
}

/** What a call answers, or that it was refused and did nothing. */
async function answerOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    expect(error).toBeInstanceOf(StoreUnavailable);
    expect(error).toMatchObject({ applied: false });
    return 'refused';
  }
}

describe('a queue whose slot is being moved', () => {
  it('refuses every call, and has all its tasks afterwards', async () => {
    const user = await openUser(IMPATIENT_MS);
    await user.add(...IDS.map((id) => ({ id, queue: 'q', batchId: 'b' })));
    const held = await user.takeOne({ queues: ['q'], claimId: 'claim' });
    const calls = {
      find: () => user.store.find('task-3'),
      insert: () => user.store.insert([user.newTask({ id: 'task-5', queue: 'q' })]),
      insertNew: () => user.store.insert([user.newTask({ id: 'new', queue: 'q' })]),
      claim: () => user.take({ queues: ['q'] }),
      claimAgain: () => user.take({ queues: ['q'], claimId: 'claim' }),
      complete: () => user.complete(held),
      remove: () => user.store.remove([held]),
      clear: () => user.store.clear({ queues: ['q'] }),
      counts: () => user.store.views.counts(),
      depth: () => user.store.views.depth('q'),
      position: () => user.store.views.position(held),
      batch: () => user.store.views.countBatch('b'),
      list: () => user.list({ queues: ['q'] }),
      settings: () => user.store.settings.change('q', { paused: true }),
    };

    let turn = 0;
    await move(`${prefix}:{q}`, async () => {
      const names = Object.keys(calls) as (keyof typeof calls)[];
      const name = names[turn++ % names.length] ?? 'find';
      expect([name, await answerOf(calls[name]())]).toEqual([name, 'refused']);
    });

    expect(turn).toBeGreaterThan(Object.keys(calls).length);
    expect(idsOf(await user.list({ queues: ['q'] })).toSorted()).toEqual(IDS);
    expect(await user.store.settings.of('q')).toEqual({});
    expect(idsOf(await user.take({ queues: ['q'], claimId: 'claim' }))).toEqual([held.spec.id]);
    await user.complete(held);
    expect(idsOf(await user.take({ queues: ['q'], max: 10 })).toSorted()).toEqual(
      IDS.filter((id) => id !== held.spec.id),
    );
  });

  it('answers as soon as the slot is moved', async () => {
    const user = await openUser(PATIENT_MS);
    await user.add(...IDS.map((id) => ({ id, queue: 'q' })));
    let calls: readonly Promise<unknown>[] = [];
    await move(`${prefix}:{q}`, async (moved) => {
      if (moved !== 3) return;
      calls = [user.take({ queues: ['q'], max: 20 }).then(idsOf), user.add({ id: 'late', queue: 'q' })];
    });
    const [taken] = await Promise.all(calls);
    expect(taken).toEqual(expect.arrayContaining(IDS));
  });

  it('keeps no other queue waiting for longer than a command may take', async () => {
    const user = await openUser(IMPATIENT_MS);
    await user.add(
      { id: 'a', queue: 'q', delay: 1 },
      { id: 'b', queue: 'other' },
      { id: 'c', queue: 'other' },
    );
    await user.add({ id: 'd', queue: 'other', delay: 1 });
    user.clock.advanceSeconds(2);
    const claims: (readonly string[])[] = [];
    await move(`${prefix}:{q}`, async (moved) => {
      expect(await user.find('b')).toMatchObject({ spec: { queue: 'other' } });
      expect(idsOf(await user.store.due(10))).toEqual(['d']);
      if (moved < 2) claims.push(idsOf(await user.take({ queues: ['q', 'other'] })));
    });
    expect(claims).toEqual([['b'], ['c']]);
    expect(idsOf(await user.store.due(10)).toSorted()).toEqual(['a', 'd']);
  });
});

describe('documents whose slot is being moved', () => {
  it('are refused, and are all there afterwards', async () => {
    const { store } = await openUser(IMPATIENT_MS);
    for (const id of ['a', 'b', 'c']) await store.documents.put('schedule', { id, text: id, expected: 0 });
    await move(`${prefix}:documents:{schedule}`, async () => {
      expect(await answerOf(store.documents.get('schedule', 'b'))).toBe('refused');
      expect(await answerOf(store.documents.list('schedule', { limit: 10 }))).toBe('refused');
      expect(await answerOf(store.documents.put('schedule', { id: 'b', text: 'new', expected: 0 }))).toBe(
        'refused',
      );
    });
    expect(await store.documents.list('schedule', { limit: 10 })).toMatchObject({
      documents: [{ id: 'c' }, { id: 'b', text: 'b' }, { id: 'a' }],
    });
  });
});

describe('a write that waits for replicas', () => {
  const reserve = new LuaScript('reserve', { hasOneKey: true });
  const openLink = useLinks();

  it('follows a key to the node that its slot is being moved to, and the slot after that', async () => {
    const link = openLink(cluster.url);
    await link.ready(PATIENT_MS);
    const key = `${prefix}:id:task-1`;
    const write = (place: string) =>
      reserve.run(link.client, { keys: [key], args: [place] }, { wait: { replicas: 0, limitMs: 100 } });
    const seen: unknown[] = [];
    await move(key, async (moved) => {
      if (moved === 0) seen.push(await write('first'));
    });
    expect([...seen, await write('second')]).toEqual([[null], ['first']]);
  });
});
