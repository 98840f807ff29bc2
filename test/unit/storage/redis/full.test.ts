import { heartbeat } from '../../../../src/task/task.machine.js';
import { StoreUnavailable } from '../../../../src/storage/task-store.js';
import { contentsOf } from '../../../support/store-contents.js';
import { idsOf } from '../../../support/store-user.js';
import { useRedis } from './redis.site.js';

const site = useRedis({ args: ['--maxmemory-policy', 'noeviction'] });

describe('a full Redis', () => {
  afterEach(async () => {
    const client = await site.client();
    await client.config('SET', 'maxmemory', '0');
    await client.flushall();
    await site.end();
  });

  async function fill(): Promise<void> {
    const client = await site.client();
    await client.config('SET', 'maxmemory', '1');
    await expect(client.set('x', 'y')).rejects.toThrow('OOM');
  }

  it.each(['known', 'new'])(
    'takes no task in a %s queue, says so, and keeps nothing of it',
    async (queue) => {
      const user = await site.user();
      await user.add({ id: 'before', queue: 'known' });
      const client = await site.client();
      const keys = (await client.keys('*')).toSorted();
      const before = await contentsOf(user.store);
      await fill();
      const refusal = user.store.insert([user.newTask({ id: 'a', queue }), user.newTask({ id: 'b', queue })]);
      await expect(refusal).rejects.toBeInstanceOf(StoreUnavailable);
      await expect(refusal).rejects.toMatchObject({ applied: false });
      expect((await client.keys('*')).toSorted()).toEqual(keys);
      expect(await client.smembers(site.keys.queues)).toEqual(['known']);
      expect(await contentsOf(user.store)).toEqual(before);
      await client.config('SET', 'maxmemory', '0');
      await user.add({ id: 'a', queue });
    },
  );

  it('still lets the work that it has be done', async () => {
    const user = await site.user();
    const ids = ['completed', 'failed', 'released', 'named', 'late'];
    await user.add(...ids.map((id, index) => ({ id, priority: -index })));
    await user.add({ id: 'expired', ttl: 1, priority: 9 });
    user.clock.advance(1_000);
    await fill();
    const held = await user.takeOne();
    expect((await user.find('expired')).state).toBe('expired');
    const beat = heartbeat(held, { leaseId: held.lease.id, extend: 100 }, user.now);
    expect(await user.store.replace([{ task: beat }])).toEqual([true]);
    await user.complete(await user.find('completed'), `"${'x'.repeat(1_000)}"`);
    await user.fail(await user.takeOne(), 'x'.repeat(1_000));
    await user.release(await user.takeOne());
    expect(idsOf(await user.take({ claimId: 'claim', max: 2 }))).toEqual(['released', 'named']);
    expect(idsOf(await user.take({ claimId: 'claim', max: 2 })).toSorted()).toEqual(['named', 'released']);
    expect(await user.store.remove([await user.find('late')])).toEqual([true]);
    expect(await user.store.clear({ states: ['completed'] })).toBe(1);
    expect(await user.store.clear({ queues: ['none'] })).toBe(0);
    expect(await user.store.clear({})).toBe(4);
    expect(await user.store.views.counts()).toEqual([]);
  });
});
