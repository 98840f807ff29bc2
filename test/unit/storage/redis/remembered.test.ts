import { heartbeat } from '../../../../src/task/task.machine.js';
import { idsOf } from '../../../support/store-user.js';
import { useRedis } from './redis.site.js';

const site = useRedis();
const HOUR_MS = 3_600_000;

describe('the queues that a claim call has named', () => {
  it('are remembered as long as its leases last, also when heartbeats make them longer', async () => {
    const user = await site.user();
    const client = await site.client();
    await user.add({ id: 'a', queue: 'q' });
    const held = await user.takeOne({ queues: ['q'], claimId: 'c' });
    const key = site.keys.claim('worker-1\nc');
    expect(await client.pttl(key)).toBeGreaterThan(120_000 - 5_000);
    const beat = heartbeat(held, { leaseId: held.lease.id, extend: 3_600 }, user.now);
    expect(await user.store.replace([{ task: beat }])).toEqual([true]);
    expect(await client.pttl(key)).toBeGreaterThan(HOUR_MS);
    expect(idsOf(await user.take({ queues: ['r'], claimId: 'c' }))).toEqual(['a']);
  });

  it('are not written with every heartbeat', async () => {
    const user = await site.user();
    const client = await site.client();
    await user.add({ id: 'a', queue: 'q' });
    const held = await user.takeOne({ queues: ['q'], claimId: 'c' });
    await client.del(site.keys.claim('worker-1\nc'));
    user.clock.advanceSeconds(20);
    const beat = heartbeat(held, { leaseId: held.lease.id }, user.now);
    const before = await client.info('commandstats');
    expect(await user.store.replace([{ task: beat }])).toEqual([true]);
    const callsOf = (text: string) => Number(/cmdstat_evalsha:calls=(\d+)/.exec(text)?.[1]);
    expect(callsOf(await client.info('commandstats'))).toBe(callsOf(before) + 1);
  });
});

describe('the name of a queue', () => {
  it('is on as many replicas as are waited for, before the queue has a task', async () => {
    const user = await site.user({ replicas: 1, limitMs: 100 });
    const client = await site.client();
    await expect(user.store.insert([user.newTask({ id: 'a', queue: 'new' })])).rejects.toMatchObject({
      applied: 'unknown',
    });
    expect(await client.exists(site.keys.task('new', 'a'))).toBe(0);
  });

  it('is written again when a failover has lost it', async () => {
    const user = await site.user();
    const client = await site.client();
    await user.add({ id: 'a', queue: 'q' }, { id: 'b', queue: 'r' });
    await client.srem(site.keys.queues, 'q');
    expect((await user.store.views.counts()).map(({ queue }) => queue).toSorted()).toEqual(['q', 'r']);
    expect((await client.smembers(site.keys.queues)).toSorted()).toEqual(['q', 'r']);
  });
});
