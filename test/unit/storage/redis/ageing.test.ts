import { cancel } from '../../../../src/task/task.machine.js';
import type { ProcessingTask } from '../../../../src/task/task.js';
import { ReferenceStore } from '../../../contract/reference-store.js';
import { ROOMY } from '../../../support/store-harness.js';
import { SeededRandom } from '../../../support/store-random.js';
import { idsOf } from '../../../support/store-user.js';
import { useRedis } from './redis.site.js';

const site = useRedis();
const ROUNDS = 120;
const LABELS = [{}, { gpu: 'a100' }, { gpu: 'a100', zone: 'eu' }, { zone: 'eu' }] as const;

describe('priority ageing with groups, limits and requirements', () => {
  it.each([1, 2, 3, 4, 5, 6])('claims in the order of the reference (seed %i)', async (seed) => {
    const random = new SeededRandom(seed);
    const redis = await site.user();
    const reference = site.userOf(new ReferenceStore(site.clock, ROOMY));
    const both = [redis, reference] as const;
    for (const user of both) {
      await user.store.settings.change('default', { priorityAgeing: 1, maxConcurrencyPerGroup: 2 });
    }
    let held: ProcessingTask[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const choice = random.below(20);
      if (choice < 9) {
        const specs = Array.from({ length: 1 + random.below(4) }, (_, index) => ({
          id: `t${round}-${index}`,
          priority: random.below(7) - 3,
          group: random.below(3) > 0 ? `g${random.below(4)}` : undefined,
          requires: random.below(2) > 0 ? LABELS[random.below(LABELS.length)] : undefined,
          maxInterruptions: 99,
        }));
        for (const user of both) await user.add(...specs);
      } else if (choice < 15) {
        const wish = { max: 1 + random.below(4), labels: LABELS[random.below(LABELS.length)], lease: 9_999 };
        const [one, other] = [await redis.take(wish), await reference.take(wish)];
        expect([round, ...idsOf(one)]).toEqual([round, ...idsOf(other)]);
        held.push(...one);
      } else if (choice < 18 && held.length > 0) {
        const [task] = held.splice(random.below(held.length), 1);
        const isReleased = random.below(2) > 0;
        for (const user of both) {
          const present = await user.find(task?.spec.id ?? '');
          await (isReleased ? user.release(present as ProcessingTask) : user.complete(present));
        }
      } else if (choice === 18) {
        const queued = await reference.list({ states: ['queued'] });
        const victim = queued[random.below(queued.length)];
        if (victim === undefined) continue;
        for (const user of both)
          await user.write(cancel(await user.find(victim.spec.id), undefined, user.now));
      } else {
        const change = {
          priorityAgeing: [0.5, 1, 3, null][random.below(4)] ?? null,
          maxConcurrencyPerGroup: [1, 2, 3, null][random.below(4)] ?? null,
        };
        for (const user of both) await user.store.settings.change('default', change);
      }
      site.clock.advance(random.below(1_500));
    }
    // All that is left, in the order in which it comes.
    for (const labels of LABELS.toReversed()) {
      const wish = { max: 500, labels, lease: 9_999 };
      expect(idsOf(await redis.take(wish))).toEqual(idsOf(await reference.take(wish)));
    }
    held = [];
  });
});

describe('ages of an earlier version', () => {
  it('are computed anew, also while that version is connected', async () => {
    const user = await site.user();
    const client = await site.client();
    const queue = site.keys.queue('default');
    await user.store.settings.change('default', { priorityAgeing: 1 });
    await user.add({ id: 'low', priority: 0 });
    user.clock.advanceSeconds(5);
    await user.add({ id: 'high', priority: 4 }, { id: 'higher', priority: 6 }, { id: 'late', priority: 1 });
    // As that version had them: it has seen one priority only.
    await client.hset(`${queue}:meta`, 'aged', '1000');
    await client.zadd(`${queue}:ages`, 1, '1');
    expect(idsOf(await user.take({ max: 2 }))).toEqual(['higher', 'low']);

    // It has put a task back: here, one that this version has taken out of what was touched.
    await user.add({ id: 'urgent', priority: 9 });
    await client.zrem(`${queue}:touched`, '9');
    await client.sadd(`${queue}:stale`, '9');
    expect(idsOf(await user.take({ max: 9 }))).toEqual(['urgent', 'high', 'late']);
    expect(await client.exists(`${queue}:stale`)).toBe(0);
  });
});
