import type { CommittedTransition } from '../../../../src/storage/transitions.js';
import { toTaskEvent } from '../../../../src/task/task-event.js';
import { cancel, heartbeat, reprioritize } from '../../../../src/task/task.machine.js';
import { TRANSITION_TYPES } from '../../../../src/task/task.js';
import type { StoreUser } from '../../../support/store-user.js';
import { keptTasks } from '../../../support/kept-tasks.js';
import { StoreFeed } from '../../../support/store-feed.js';
import { useRedis } from './redis.site.js';

const site = useRedis();

interface Published {
  readonly channel: string;
  readonly text: string;
}

/** What is published from now on. */
async function listen(): Promise<readonly Published[]> {
  const published: Published[] = [];
  const client = await site.client();
  client.on('message', (channel: string, text: string) => void published.push({ channel, text }));
  await client.subscribe(...TRANSITION_TYPES.map((type) => `${site.prefix}:${type}`));
  return published;
}

/** Texts of the stream of a queue, and the ids that its entries have. */
async function streamOf(queue: string): Promise<readonly { id: string; text: string }[]> {
  const client = await site.client();
  const entries = await client.xrange(`${site.keys.queue(queue)}:events`, '-', '+');
  return entries.map(([id, fields]) => {
    expect(fields).toHaveLength(2);
    expect(fields[0]).toBe('event');
    return { id, text: fields[1] ?? '' };
  });
}

/** Makes transitions of every type. */
async function live(user: StoreUser): Promise<void> {
  const [delayed] = await user.add({ id: 'a', queue: 'q', runAt: user.now.wall + 1_000, maxAttempts: 2 });
  await user.add({ id: 'other', queue: 'r' }, { id: 'late', queue: 'r', ttl: 1, priority: 5 });
  user.clock.advance(1_000);
  await user.tick(delayed);
  await user.release(await user.takeOne({ queues: ['q'], workerId: undefined }));
  const lost = await user.takeOne({ queues: ['q'], lease: 5 });
  user.clock.advance(5_000);
  await user.tick(lost);
  const retried = await user.fail(await user.takeOne({ queues: ['q'] }), 'an "error"\n é', 1);
  user.clock.advance(1_000);
  await user.tick(retried);
  await user.fail(await user.takeOne({ queues: ['q'] }), 'x'.repeat(5_000));
  await user.redrive(await user.find('a'));
  await user.complete(await user.takeOne({ queues: ['q', 'r'], workerId: 'w "2"' }));
  await user.complete(await user.takeOne({ queues: ['q', 'r'] }));
  const [stopped] = await user.add({ id: 'stopped', queue: 'q' });
  await user.write(reprioritize(stopped, 7, user.now));
  await user.write(cancel(await user.find('stopped'), 'because', user.now));
}

function textOf(transition: CommittedTransition): string {
  return JSON.stringify(toTaskEvent(transition, transition.id));
}

describe('the events', () => {
  it('are those of the transitions, to the byte, on their channels and in the streams', async () => {
    const user = await site.user();
    const feed = new StoreFeed(user.store);
    const published = await listen();
    await live(user);
    await feed.settle(user);
    expect(new Set(feed.told.map(({ type }) => type))).toEqual(new Set(TRANSITION_TYPES));
    const wanted = feed.told.map((told) => ({ channel: `${site.prefix}:${told.type}`, text: textOf(told) }));
    const heard = published.filter(({ text }) => !text.includes('sentinel'));
    expect(heard).toEqual(wanted);
    for (const queue of ['q', 'r']) {
      const told = feed.told.filter(({ task }) => task.spec.queue === queue);
      expect(await streamOf(queue)).toEqual(told.map((each) => ({ id: `${each.id}-0`, text: textOf(each) })));
    }
    const ids = feed.told.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].toSorted((one, other) => one - other));
  });

  it('go to their channels as they are, also when somebody else has to be told of them', async () => {
    const store = await site.open();
    const user = site.userOf(store);
    const feed = new StoreFeed(user.store);
    const published = await listen();
    await user.add({ id: 'a', callbackUrl: 'https://example.test/hook' });
    await user.complete(await user.takeOne());
    await feed.settle(user);
    const heard = published.filter(({ text }) => !text.includes('sentinel'));
    expect(heard).toEqual(
      feed.told.map((told) => ({ channel: `${site.prefix}:${told.type}`, text: textOf(told) })),
    );
    const [entry, ...others] = await store.outbox.oldest(10);
    expect([entry?.to, others]).toEqual(['https://example.test/hook', []]);
  });

  it('have ids that are microseconds of the clock of Redis, or later', async () => {
    const user = await site.user();
    const client = await site.client();
    const feed = new StoreFeed(user.store);
    const before = await client.time();
    await user.add({ id: 'a' });
    const [seconds, microseconds] = await client.time();
    await feed.settle(user);
    const id = feed.told[0]?.id ?? 0;
    expect(id).toBeGreaterThanOrEqual(Number(before[0]) * 1e6 + Number(before[1]));
    expect(id).toBeLessThanOrEqual(Number(seconds) * 1e6 + Number(microseconds));
    await client.hset(`${site.keys.queue('default')}:meta`, 'event', '3000000000000000');
    await user.add({ id: 'b' }, { id: 'c' });
    await feed.settle(user);
    expect(feed.told.slice(1).map((told) => told.id)).toEqual([3000000000000001, 3000000000000002]);
    await user.add({ id: 'd' });
    await feed.settle(user);
    expect(feed.told.at(-1)?.id).toBe(3000000000000003);
  });

  it('have ids behind those of tasks that were restored', async () => {
    const [user, before] = [await site.user(), await site.user({ keyPrefix: `${site.prefix}-before` })];
    await before.add({ id: 'a' }, { id: 'b' });
    const client = await site.client();
    await client.hset(`${site.keys.queue('default')}:meta`, 'event', '3000000000000000');
    expect(await user.store.restore(await keptTasks(before.store))).toEqual([true, true]);
    const feed = new StoreFeed(user.store);
    await user.add({ id: 'c' });
    await feed.settle(user);
    expect(feed.told[0]?.id).toBe(3000000000000003);
  });

  it('of one call have ids of their own, also in several queues', async () => {
    const user = await site.user();
    const feed = new StoreFeed(user.store);
    const client = await site.client();
    await client.hset(`${site.keys.queue('q0')}:meta`, 'event', '3000000000000000');
    await user.add(
      ...Array.from({ length: 60 }, (_, index) => ({ id: `t${index}`, queue: `q${index % 3}` })),
    );
    await feed.settle(user);
    const ids = feed.told.map(({ id }) => id);
    expect(ids).toHaveLength(60);
    expect(ids).toEqual([...new Set(ids)].toSorted((one, other) => one - other));
  });

  it('are not told of what was refused or is no transition', async () => {
    const user = await site.user();
    const [read] = await user.add({ id: 'a' });
    await user.add({ id: 'b' });
    const held = await user.takeOne({ claimId: 'c' });
    const before = await streamOf('default');
    const published = await listen();
    await user.store.replace([{ task: heartbeat(held, { leaseId: held.lease.id }, user.now) }]);
    const late = cancel(read, undefined, user.now);
    expect(await user.store.replace(late ? [late] : [])).toEqual([false]);
    await user.store.insert([user.newTask({ id: 'a' }), user.newTask({ id: 'b', queue: 'q' })]);
    await user.take({ claimId: 'c' });
    await user.take({ queues: ['empty'] });
    await user.store.remove([await user.find('b')]);
    await user.store.clear({});
    await user.add({ id: 'end', queue: 'end' });
    expect(await streamOf('default')).toEqual(before);
    expect(await streamOf('q')).toEqual([]);
    while (published.length === 0) await new Promise(setImmediate);
    expect(published.map(({ text }) => (JSON.parse(text) as { eval_id: string }).eval_id)).toEqual(['end']);
  });

  it.each([false, true])(
    'are kept in about the number that was asked for (Cluster: %p)',
    async (isCluster) => {
      const user = await site.user({ streamLength: 100, isCluster });
      for (let batch = 0; batch < 10; batch += 1) {
        await user.add(...Array.from({ length: 100 }, (_, index) => ({ id: `t${batch}-${index}` })));
      }
      expect((await streamOf('default')).length).toBeLessThan(300);
      for (let batch = 0; batch < 10; batch += 1) await user.take({ max: 100 });
      expect((await streamOf('default')).length).toBeLessThan(300);
      const tasks = await user.list({ states: ['processing'], limit: 1_000 });
      expect(tasks).toHaveLength(1_000);
      for (const task of tasks.slice(0, 300)) await user.complete(task);
      const entries = await streamOf('default');
      expect(entries.length).toBeGreaterThanOrEqual(100);
      // Redis trims by whole nodes of 100 entries.
      expect(entries.length).toBeLessThan(300);
      expect(entries.at(-1)?.text).toContain('"type":"completed"');
    },
  );
});
