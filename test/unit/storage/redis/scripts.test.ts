import { StoreFeed } from '../../../support/store-feed.js';
import { idsOf } from '../../../support/store-user.js';
import { isFinished } from '../../../../src/task/task.js';
import { useRedis } from './redis.site.js';

const site = useRedis();

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

describe('the scripts', () => {
  it('are sent again when Redis has forgotten them, under 64 callers', async () => {
    const user = await site.user();
    const client = await site.client();
    const feed = new StoreFeed(user.store);
    let isDone = false;
    let flushes = 0;
    const flushing = (async () => {
      for (; !isDone; flushes += 1) await client.script('FLUSH');
    })();
    await Promise.all(
      range(64).map(async (caller) => {
        for (const round of range(8)) {
          const id = `t${caller}-${round}`;
          await user.add({ id, queue: `q${caller}` });
          const held = await user.takeOne({ queues: [`q${caller}`] });
          await user.complete(held);
          expect((await user.find(id)).state).toBe('completed');
        }
      }),
    );
    isDone = true;
    await flushing;
    expect(flushes).toBeGreaterThan(20);
    await feed.settle(user);
    const tasks = await user.list({ limit: 1_000 });
    expect(tasks).toHaveLength(512);
    expect(tasks.every(isFinished)).toBe(true);
    for (const id of idsOf(tasks)) {
      expect(feed.of(id).map(({ type }) => type)).toEqual(['queued', 'processing', 'completed']);
    }
  });

  it('tell what they did in its order, also when one of them had to be sent again', async () => {
    const user = await site.user();
    const client = await site.client();
    const feed = new StoreFeed(user.store);
    for (const round of range(100)) {
      // The claim is known to Redis, the insert is not: its text follows while the claim is on its way.
      await client.script('FLUSH');
      await user.take({ queues: ['none'] });
      const inserting = user.add({ id: `t${round}` });
      const claims = range(30).map(async (turn) => {
        for (let left = turn; left > 0; left -= 1) await new Promise(setImmediate);
        return user.take();
      });
      await Promise.all([inserting, ...claims]);
    }
    await feed.settle(user);
    for (const round of range(100)) {
      const types = feed.of(`t${round}`).map(({ type }) => type);
      expect(types).toEqual(['queued', 'processing'].slice(0, types.length));
    }
    expect(feed.told.filter(({ type }) => type === 'processing').length).toBeGreaterThan(0);
  });
});
