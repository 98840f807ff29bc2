import { LuaScript } from '../../../../src/storage/redis/connection/lua-script.js';
import { idsOf } from '../../../support/store-user.js';
import { TcpProxy } from '../../../support/tcp-proxy.js';
import { useRedis } from './redis.site.js';

const site = useRedis();

/** Steps of a longer way, each at the moment at which another process may be in between. */
describe('the fence', () => {
  const fence = new LuaScript('fence');

  it('refuses an announced insert that did not come, for a time', async () => {
    const client = await site.client();
    const queue = site.keys.queue('q');
    expect(await fence.run(client, { keys: [queue], args: ['a', 'nonce', 60_000] })).toBe(1);
    expect(await client.get(`${queue}:gone:a`)).toBe('nonce');
    const left = await client.pttl(`${queue}:gone:a`);
    expect(left).toBeGreaterThan(30_000);
    expect(left).toBeLessThanOrEqual(60_000);
  });

  it('lets a task be that came after all', async () => {
    const user = await site.user();
    await user.add({ id: 'a', queue: 'q' });
    const client = await site.client();
    const queue = site.keys.queue('q');
    expect(await fence.run(client, { keys: [queue], args: ['a', 'nonce', 60_000] })).toBe(0);
    expect(await client.exists(`${queue}:gone:a`)).toBe(0);
  });
});

describe('the exchange of entries of the directory', () => {
  it('writes and forgets those that are as they were read, and no others', async () => {
    const client = await site.client();
    const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((id) => site.keys.entry(id));
    for (const index of [0, 1, 2, 3, 6]) await client.set(keys[index] ?? '', `old ${index}`);
    const args = ['old 0', 'new 0', 'old 1', '', 'else', 'new 2', 'else', '', 'old 4', 'new 4', 'old 5', ''];
    const call = { keys, args: [...args, 'old 6', 'new 6'] };
    expect(await new LuaScript('exchange').run(client, call)).toEqual([1, 1, 0, 0, 0, 0, 1]);
    expect(await client.mget(keys)).toEqual(['new 0', null, 'old 2', 'old 3', null, null, 'new 6']);
  });
});

describe('the queues of a claim call', () => {
  const add = new LuaScript('add-claim-queues');

  it('are those that it has named, and no others', async () => {
    const client = await site.client();
    const call = { keys: [site.keys.claim('c')], args: [60_000, 'q', 'r'] };
    expect(await add.run(client, call)).toEqual([]);
    const before = (await add.run(client, { ...call, args: [60_000, 's'] })) as string[];
    expect(before.toSorted()).toEqual(['q', 'r']);
    expect((await client.smembers(site.keys.claim('c'))).toSorted()).toEqual(['q', 'r', 's']);
  });

  it('are kept as long as the longest call wants it', async () => {
    const client = await site.client();
    const key = site.keys.claim('c');
    for (const kept of [50_000, 100_000, 10_000]) {
      await add.run(client, { keys: [key], args: [kept, 'q'] });
      expect(await client.pttl(key)).toBeGreaterThan(kept - 10_000);
    }
    expect(await client.pttl(key)).toBeGreaterThan(90_000);
  });
});

describe('one step of a clear', () => {
  const clear = new LuaScript('clear');

  it('takes along as many as it may, the oldest of each state first, queue by queue', async () => {
    const user = await site.user();
    const client = await site.client();
    const queues = ['q', 'r'];
    for (const queue of queues)
      await user.add(...[0, 1, 2].map((index) => ({ id: `${queue}${index}`, queue })));
    await user.add({ id: 'later', queue: 'q', delay: 5 }, { id: 'other', queue: 's' });
    const step = (limit: number) =>
      clear.run(client, {
        keys: queues.map((queue) => site.keys.queue(queue)),
        args: [60_000, limit, 2, 'delayed', 'queued'],
      }) as Promise<[[number, string, string][], string[]]>;
    const [rows] = await step(3);
    expect(rows.map(([queue, id]) => [queue, id])).toEqual([
      [1, 'later'],
      [1, 'q0'],
      [1, 'q1'],
    ]);
    for (const [, id, nonce] of rows) {
      expect(await client.get(`${site.keys.queue('q')}:gone:${id}`)).toBe(nonce);
      expect(await client.get(site.keys.entry(id))).toBe(`${nonce} q`);
      expect(await client.pttl(`${site.keys.queue('q')}:gone:${id}`)).toBeGreaterThan(50_000);
    }
    expect((await step(1))[0]).toEqual([[1, 'q2', expect.any(String)]]);
    expect((await step(2))[0]).toEqual([
      [2, 'r0', expect.any(String)],
      [2, 'r1', expect.any(String)],
    ]);
    expect((await step(10))[0]).toEqual([[2, 'r2', expect.any(String)]]);
    expect((await step(10))[0]).toEqual([]);
    expect(idsOf(await user.list())).toEqual(['other']);
  });

  it('leaves alone what came after the first one', async () => {
    const user = await site.user();
    const client = await site.client();
    const keys = [site.keys.queue('q')];
    const step = (...until: string[]) =>
      clear.run(client, { keys, args: [60_000, 1, 1, 'queued', ...until] }) as Promise<[unknown[], string[]]>;
    await user.add({ id: 'a', queue: 'q' }, { id: 'b', queue: 'q' });
    const [, births] = await step();
    await user.add({ id: 'later', queue: 'q' });
    expect((await step(...births))[0]).toEqual([[1, 'b', expect.any(String)]]);
    expect((await step(...births))[0]).toEqual([]);
    expect(idsOf(await user.list())).toEqual(['later']);
  });

  it('is followed by others until nothing is left', async () => {
    const user = await site.user();
    await user.store.insert(Array.from({ length: 1_030 }, (_, at) => user.newTask({ id: `t${at}` })));
    await user.add({ id: 'kept', queue: 'kept' });
    expect(await user.store.clear({ queues: ['default'] })).toBe(1_030);
    expect(idsOf(await user.list())).toEqual(['kept']);
    await site.reclaimed();
    const client = await site.client();
    expect(await client.keys(site.keys.entry('*'))).toEqual([site.keys.entry('kept')]);
  });
});

describe('a call whose later step is refused', () => {
  it('clears nothing when the clear cannot be counted', async () => {
    const user = await site.user();
    await user.add({ id: 'a' });
    await (await site.client()).hset(site.keys.generation, 'no', 'number');
    await expect(user.store.clear({})).rejects.toMatchObject({ applied: 'unknown' });
    expect(idsOf(await user.list())).toEqual(['a']);
  });

  it('does not deny that a task is removed or cleared, when its entry cannot be forgotten', async () => {
    const user = await site.user();
    const [first] = await user.add({ id: 'a' }, { id: 'b' });
    const client = await site.client();
    for (const id of ['a', 'b']) {
      await client.del(site.keys.entry(id));
      await client.hset(site.keys.entry(id), 'no', 'string');
    }
    await expect(user.store.remove([first])).rejects.toMatchObject({ applied: 'unknown' });
    await expect(user.store.clear({})).rejects.toMatchObject({ applied: 'unknown' });
    expect(await user.list()).toEqual([]);
  });

  it('does not deny that one of two queues is cleared', async () => {
    const user = await site.user({ isCluster: true });
    await user.add({ id: 'a', queue: 'q' }, { id: 'b', queue: 'r' });
    const client = await site.client();
    await client.del(`${site.keys.queue('r')}:state:queued`);
    await client.set(`${site.keys.queue('r')}:state:queued`, 'no list');
    await expect(user.store.clear({ queues: ['q', 'r'] })).rejects.toMatchObject({ applied: 'unknown' });
    expect(await user.store.find('a')).toBeUndefined();
  });
});

describe('a claim whose later step fails', () => {
  let proxy: TcpProxy;

  beforeEach(async () => {
    proxy = await TcpProxy.to(site.server.port);
  });

  afterEach(async () => {
    await proxy.close();
  });

  const far = (isCluster = false) => site.user({ url: `redis://127.0.0.1:${proxy.port}`, isCluster });

  it('answers what it took, when it cannot note for how long', async () => {
    const [near, user] = [await site.user(), await far()];
    await near.add({ id: 'a' }, { id: 'b' });
    // Milliseconds: the lease, as long again, and the grace.
    proxy.resetAt = '\r\n180000\r\n';
    expect(idsOf(await user.take({ max: 2, claimId: 'c' }))).toEqual(['a', 'b']);
    expect(idsOf(await near.take({ max: 2, claimId: 'c' }))).toEqual(['a', 'b']);
    expect(proxy.resetAt).toBeUndefined();
  });

  it('answers what it took, when it cannot expire what was in the way', async () => {
    const [near, user] = [await site.user(), await far()];
    await near.add({ id: 'late', ttl: 1 }, { id: 'a' });
    site.clock.advance(2_000);
    proxy.resetAt = '\r\nexpired 2 ';
    expect(idsOf(await user.take({ max: 2 }))).toEqual(['a']);
    expect(proxy.resetAt).toBeUndefined();
  });

  it('answers what it took from one queue, when it cannot ask the next one', async () => {
    const [near, user] = [await site.user(), await far(true)];
    await near.add({ id: 'a', queue: 'q' }, { id: 'b', queue: 'r' });
    proxy.resetAt = site.keys.queue('r');
    expect(idsOf(await user.take({ max: 2, queues: ['q', 'r'] }))).toEqual(['a']);
    expect(proxy.resetAt).toBeUndefined();
  });
});
