import { heartbeat } from '../../../../src/task/task.machine.js';
import { RedisClock } from '../../../../src/storage/redis/connection/redis-clock.js';
import { idsOf } from '../../../support/store-user.js';
import { useRedis } from './redis.site.js';

const site = useRedis();
const DAY = 86_400_000;
const HOUR = 3_600_000;

describe('leases that were given while the clock was ahead', () => {
  it('last for their length from when a process starts', async () => {
    const user = await site.user();
    await user.add({ id: 'good' }, ...Array.from({ length: 70 }, (_, index) => ({ id: `t${index}` })));
    await user.takeOne({ lease: 3 });
    user.clock.advance(DAY);
    const ahead = await user.take({ max: 70, lease: 3 });
    user.clock.advance(-DAY);
    const next = await site.user();
    expect(await next.dueIds()).toEqual([]);
    next.clock.advance(3_000);
    expect(await next.dueIds()).toEqual(idsOf([await next.find('good'), ...ahead]).toSorted());
  });

  it('and those that were kept by it', async () => {
    const user = await site.user();
    await user.add({ id: 'a' });
    const held = await user.takeOne({ lease: 7_200 });
    user.clock.advance(HOUR);
    const kept = { task: heartbeat(held, { leaseId: held.lease.id }, user.now) };
    expect(await user.store.replace([kept])).toEqual([true]);
    await site.user();
    expect((await user.find('a')).revision).toBe(kept.task.revision);
    user.clock.advance(-HOUR);
    const next = await site.user();
    expect(await next.store.untilDue()).toBe(7_200_000);
  });
});

describe('the clock of Redis', () => {
  it('tells when it went back, and not when it went on or was read late', async () => {
    let [time, own] = [1_000_000, 0];
    let steps = 0;
    const clock = new RedisClock(
      () => Promise.resolve(time),
      () => own,
    );
    clock.whenStepsBack(() => (steps += 1));
    await clock.read();
    for (const [passes, says] of [
      [1_000, 1_000],
      [1_000, 60_000],
      [1_000, 500],
    ] as const) {
      own += passes;
      time += says;
      await clock.read();
    }
    expect(steps).toBe(0);
    own += 1_000;
    time -= 50_000;
    await clock.read();
    expect(steps).toBe(1);
  });
});
