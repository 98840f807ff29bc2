import type { StoreUser } from '../../../support/store-user.js';
import { StoreUnavailable } from '../../../../src/storage/task-store.js';
import { cancel } from '../../../../src/task/task.machine.js';
import { RedisServer } from '../../../support/redis-server.js';
import { useRedis } from './redis.site.js';

const site = useRedis({ args: ['--repl-diskless-sync-delay', '0'] });

/** Resolves when the replica has all that was written before. */
async function follow(url: string): Promise<void> {
  const client = await site.client(url);
  await client.replicaof('127.0.0.1', site.server.port);
  const primary = await site.client();
  await primary.set('a write', 'to wait for');
  while ((await primary.wait(1, 100)) < 1) await primary.set('a write', 'to wait for');
}

type Found = Awaited<ReturnType<StoreUser['find']>>;

function writesOf(user: StoreUser, task: Found, other: Found) {
  const transition = cancel(task, undefined, user.now);
  return {
    insert: () => user.store.insert([user.newTask({ id: 'new' })]),
    claim: () => user.store.claim(user.request({ queues: ['other'] })),
    'claim with an id': () => user.store.claim(user.request({ queues: ['other'], claimId: 'c' })),
    replace: () => user.store.replace(transition ? [transition] : []),
    remove: () => user.store.remove([other]),
    clear: () => user.store.clear({}),
  };
}

describe('a store that waits for a replica', () => {
  it('does not acknowledge a write that no replica has, within the limit', async () => {
    const limitMs = 100;
    const [user, plain] = [await site.user({ replicas: 1, limitMs }), await site.user()];
    const [task, other] = await plain.add({ id: 'a' }, { id: 'c' }, { id: 'b', queue: 'other' });
    for (const [name, write] of Object.entries(writesOf(user, task, other))) {
      const answer: unknown = await write().then(
        () => `${name} was acknowledged`,
        (error: unknown) => error,
      );
      expect(answer).toBeInstanceOf(StoreUnavailable);
      expect(answer).toMatchObject({ applied: 'unknown' });
      expect(String(answer)).toContain('0 of 1 replicas have the write');
    }
  });

  it('still answers reads', async () => {
    const [user, plain] = [await site.user({ replicas: 1, limitMs: 100 }), await site.user()];
    const [task] = await plain.add({ id: 'a' });
    expect(await user.find('a')).toEqual(task);
    expect(await user.list()).toEqual([task]);
    expect(await user.store.views.position(task)).toBe(1);
  });

  it('acknowledges what a replica has, and the replica has it', async () => {
    const replica = await RedisServer.start();
    try {
      await follow(replica.url);
      const user = await site.user({ replicas: 1 });
      await user.add({ id: 'a' }, { id: 'b' });
      const held = await user.takeOne({ claimId: 'c' });
      const there = await site.client(replica.url);
      expect(await there.hget(site.keys.task('default', 'a'), 'head')).toMatch(/^processing 2 /);
      await user.complete(held);
      expect(await there.hget(site.keys.task('default', 'a'), 'head')).toMatch(/^completed 3 /);
      expect(await user.store.remove([await user.find('b')])).toEqual([true]);
      expect(await there.exists(site.keys.task('default', 'b'))).toBe(0);
      expect(await user.store.clear({})).toBe(1);
      expect(await there.exists(site.keys.task('default', 'a'))).toBe(0);
    } finally {
      await replica.stop();
    }
  });

  it('answers reads while a write waits for a replica that is gone', async () => {
    const limitMs = 8_000;
    const [user, plain] = [await site.user({ replicas: 1, limitMs }), await site.user()];
    const [task] = await plain.add({ id: 'a' });
    let isWaiting = true;
    const writing = user.store.insert([user.newTask({ id: 'b' })]).finally(() => (isWaiting = false));
    const refused = expect(writing).rejects.toThrow('0 of 1 replicas have the write');
    expect(await user.find('a')).toEqual(task);
    expect(await user.store.views.counts()).toHaveLength(1);
    expect(isWaiting).toBe(true);
    await refused;
  });

  it('says what is missing before a silent connection is reset', async () => {
    const user = await site.user({ replicas: 1, limitMs: 2_000, timeoutMs: 2_000 });
    const write = user.store.insert([user.newTask({ id: 'a' })]);
    await expect(write).rejects.toThrow('0 of 1 replicas have the write');
    expect(user.store.isAvailable).toBe(true);
  });

  it('acknowledges no repetition of what no replica has', async () => {
    const [user, plain] = [await site.user({ replicas: 1, limitMs: 100 }), await site.user()];
    const missing = { applied: 'unknown', message: expect.stringContaining('0 of 1 replicas') as string };
    await plain.add({ id: 'a' });
    // From here on it knows the queue, and writes nothing for an insert of what is there.
    expect(await user.store.views.counts()).toHaveLength(1);
    await expect(user.store.insert([user.newTask({ id: 'a' })])).rejects.toMatchObject(missing);
    await expect(user.store.confirm(await user.find('a'))).rejects.toMatchObject(missing);
  });

  it('acknowledges a repetition of what a replica has', async () => {
    const replica = await RedisServer.start();
    try {
      await follow(replica.url);
      const user = await site.user({ replicas: 1 });
      const [task] = await user.add({ id: 'a' });
      expect(await user.store.insert([user.newTask({ id: 'a' })])).toEqual([task]);
      await user.store.confirm(task);
    } finally {
      await replica.stop();
    }
  });
});
