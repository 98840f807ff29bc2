import { idsOf, type StoreUser } from '../../../support/store-user.js';
import { ROOMY } from '../../../support/store-harness.js';
import { monitorRedis } from '../../../support/redis-monitor.js';
import { until } from '../../../support/until.js';
import { useRedis } from './redis.site.js';

const site = useRedis();
/** More than are asked each time. */
const QUEUES = 400;

async function fill(user: StoreUser): Promise<void> {
  const length = QUEUES;
  await user.add(...Array.from({ length }, (_, index) => ({ id: `t${index}`, queue: `q${index}` })));
  await user.store.due(10);
  await user.store.outbox?.oldest(10);
}

/** Calls of scripts and of commands on their own within some work. */
async function callsOf(work: () => Promise<unknown>): Promise<number> {
  const client = await site.client();
  let count = 0;
  let finish: () => void = () => undefined;
  const isDone = new Promise<void>((resolve) => (finish = resolve));
  const monitor = await monitorRedis(site.server.port, ({ name, source }) => {
    if (name === 'echo') finish();
    else if (source !== 'lua' && name !== 'ping') count += 1;
  });
  await work();
  await client.echo('the end');
  await isDone;
  monitor.close();
  return count;
}

async function dueIds(user: StoreUser): Promise<string[]> {
  return [...(await user.dueIds())];
}

describe('many queues', () => {
  it('cost one look a minute while nothing happens in them', async () => {
    const user = await site.user();
    await fill(user);
    const look = async () => {
      for (let time = 0; time < 10; time += 1) {
        await user.store.due(10);
        await user.store.untilDue();
        await user.store.outbox?.oldest(10);
      }
    };
    expect(await callsOf(look)).toBeLessThan(10);
    site.clock.advance(30_000);
    expect(await callsOf(look)).toBeGreaterThanOrEqual(3);
    site.clock.advance(31_000);
    expect(await callsOf(look)).toBeLessThan(30);
  });

  it('lose no due task, whichever process made it due', async () => {
    const [one, other] = [await site.user(), await site.user()];
    await fill(one);
    await other.store.due(10);
    await one.add({ id: 'later', queue: 'q7', runAt: site.clock.now().wall + 5_000 });
    await one.add({ id: 'expiring', queue: 'q8', expiresAt: site.clock.now().wall + 5_000 });
    const held = await other.takeOne({ queues: ['q9'], lease: 5 });
    expect(await dueIds(one)).toEqual([]);
    site.clock.advance(5_001);
    const wanted = ['expiring', held.spec.id, 'later'].toSorted();
    // Each hears of what the other did a moment later.
    await until(async () => (await dueIds(one)).length === 3 && (await dueIds(other)).length === 3);
    expect([await dueIds(one), await dueIds(other)]).toEqual([wanted, wanted]);
    expect(await one.store.untilDue()).toBe(0);
  });

  it('lose the oldest ended tasks of all queues, and no more than necessary', async () => {
    const settings = { ...ROOMY, retentionMaxTasks: 300 };
    const [one, other] = [await site.user({ settings }), await site.user({ settings })];
    await fill(one);
    await other.store.due(10);
    for (let index = 0; index < 310; index += 1) await one.end(`e${index}`);
    const oldest = Array.from({ length: 10 }, (_, index) => `e${index}`);
    await until(async () => (await dueIds(other)).length === 10);
    expect([await dueIds(one), await dueIds(other)]).toEqual([oldest.toSorted(), oldest.toSorted()]);
    await one.store.remove(await one.store.due(1_000));
    expect([await dueIds(one), await dueIds(other)]).toEqual([[], []]);
  });

  it('have every webhook taken in, whichever process caused it', async () => {
    const [one, other] = [await site.user(), await site.user()];
    await fill(one);
    expect(await other.store.outbox?.oldest(10)).toEqual([]);
    await one.add({ id: 'called', queue: 'called', callbackUrl: 'http://receiver.example/' });
    await one.complete(await one.takeOne({ queues: ['called'] }));
    const oldest = async () => (await other.store.outbox?.oldest(10)) ?? [];
    await until(async () => (await oldest()).length === 1);
    // It stays until it was removed.
    const entries = await oldest();
    expect(entries).toHaveLength(1);
    await other.store.outbox?.remove(entries);
    expect(await oldest()).toEqual([]);
  });

  it('are all read again after a clear', async () => {
    const [one, other] = [await site.user(), await site.user()];
    await fill(one);
    await one.add({ id: 'later', queue: 'q7', runAt: site.clock.now().wall + 5_000 });
    await other.store.due(10);
    await one.store.clear({});
    site.clock.advance(5_001);
    await until(async () => (await other.store.untilDue()) === undefined);
    expect(await dueIds(one)).toEqual([]);
  });

  it('are all listed, also when their names need several pages', async () => {
    const [one, other] = [await site.user(), await site.user()];
    const names = Array.from({ length: 2_500 }, (_, index) => `q${index}`);
    await (await site.client()).sadd(site.keys.queues, ...names);
    await one.store.settings.change('q2499', { paused: true });
    await one.add({ id: 'first', queue: 'q0' });
    await other.add({ id: 'last', queue: 'q2499' });
    for (const { store } of [one, other]) {
      expect((await store.settings.all()).map(({ queue }) => queue)).toEqual(['q2499']);
      expect((await store.views.counts()).map(({ queue }) => queue).toSorted()).toEqual(['q0', 'q2499']);
      expect(idsOf((await store.views.list({ limit: 10 })).tasks)).toEqual(['last', 'first']);
    }
  });

  it('are not all read to count a batch whose queues are known', async () => {
    const user = await site.user();
    await fill(user);
    await user.add({ id: 'member', queue: 'q7', batchId: 'b' });
    const count = async () => {
      expect(await user.store.views.countBatch('b', ['q7'])).toMatchObject([
        { queue: 'q7', counts: { queued: 1 } },
      ]);
    };
    // One script, which Redis may have to load first.
    expect(await callsOf(count)).toBeLessThanOrEqual(2);
  });
});
