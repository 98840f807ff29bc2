import { SeededRandom } from '../../support/store-random.js';
import type { StartStore } from '../../support/store-harness.js';
import { idsOf, listAll, type StoreUser } from '../../support/store-user.js';
import { spec } from '../../support/task.builders.js';
import { cancel, create } from '../../../src/task/task.machine.js';
import type { ProcessingTask } from '../../../src/task/task.js';

export function describeLimits(start: StartStore): void {
  it('hands out one task a second in an outage, also after it was opened again, and all when it is over', async () => {
    const user = await start();
    await user.add({ id: 'a' }, { id: 'b' }, { id: 'c' }, { id: 'd', group: 'g' });
    const outage = { since: user.now.wall, foundAt: user.now.wall };
    expect(await user.store.settings.change('default', { outage })).toEqual({ outage });
    expect(idsOf(await user.take({ max: 3 }))).toEqual(['a']);
    expect(await user.take()).toEqual([]);
    expect(await user.store.settings.untilAllowed('default')).toBe(1_000);
    user.clock.advance(999);
    expect(await user.take()).toEqual([]);
    user.clock.advance(1);
    expect(await user.store.settings.untilAllowed('default')).toBe(0);
    expect(await user.take({ max: 3 })).toHaveLength(1);
    await user.harness.reopen();
    expect(await user.store.settings.of('default')).toEqual({ outage });
    user.clock.advance(1_000);
    expect(await user.take({ max: 3 })).toHaveLength(1);
    const over = { ...outage, until: user.now.wall };
    await user.store.settings.change('default', { outage: over });
    expect(await user.take({ max: 3 })).toHaveLength(1);
    expect(await user.store.settings.change('default', { outage: null })).toEqual({});
    const guard = { window: 30, minAttempts: 5, share: 0.5 };
    expect(await user.store.settings.change('default', { outageGuard: guard })).toEqual({
      outageGuard: guard,
    });
    expect(await user.store.settings.change('default', { outageGuard: 'off' })).toEqual({
      outageGuard: 'off',
    });
    await user.harness.reopen();
    expect(await user.store.settings.of('default')).toEqual({ outageGuard: 'off' });
  });

  it('keeps what is set for a queue, also when the queue has no tasks', async () => {
    const user = await start();
    expect(await user.store.settings.of('q')).toEqual({});
    expect(await user.store.settings.all()).toEqual([]);
    const rateLimit = { tasks: 5, per: 2.5 };
    const all = { maxDepth: 9, maxConcurrency: 3, maxConcurrencyPerGroup: 2, rateLimit, priorityAgeing: 0.5 };
    expect(await user.store.settings.change('q', { ...all, paused: true })).toEqual({ ...all, paused: true });
    expect(await user.store.settings.change('q', { paused: false, maxDepth: null })).toEqual({
      ...all,
      maxDepth: undefined,
    });
    await user.harness.reopen();
    const kept = { maxConcurrency: 3, maxConcurrencyPerGroup: 2, rateLimit, priorityAgeing: 0.5 };
    expect(await user.store.settings.of('q')).toEqual(kept);
    expect(await user.store.settings.all()).toEqual([{ queue: 'q', settings: kept }]);
    expect(await user.store.views.counts()).toEqual([]);
    const none = {
      maxConcurrency: null,
      maxConcurrencyPerGroup: null,
      rateLimit: null,
      priorityAgeing: null,
    };
    expect(await user.store.settings.change('q', none)).toEqual({});
    expect(await user.store.settings.all()).toEqual([]);
  });

  it('loses no change when several are made at once', async () => {
    const user = await start();
    await Promise.all([
      user.store.settings.change('q', { maxDepth: 1 }),
      user.store.settings.change('q', { maxConcurrency: 2 }),
      user.store.settings.change('q', { priorityAgeing: 3 }),
    ]);
    expect(await user.store.settings.of('q')).toEqual({ maxDepth: 1, maxConcurrency: 2, priorityAgeing: 3 });
  });

  it('keeps what is set when the tasks are cleared', async () => {
    const user = await start();
    await user.store.settings.change('default', { maxConcurrency: 1 });
    await user.add({ id: 'a' }, { id: 'b' });
    await user.takeOne();
    expect(await user.store.clear({})).toBe(2);
    await user.add({ id: 'c' }, { id: 'd' });
    expect(idsOf(await user.take({ max: 2 }))).toEqual(['c']);
    expect(await user.take()).toEqual([]);
  });

  it('tells watchers which limits a change may have relaxed', async () => {
    const user = await start();
    const told: (string | undefined)[] = [];
    await new Promise<void>((resolve) => {
      const onLimitsRelaxed = (queue: string | undefined) => {
        told.push(queue);
        resolve();
      };
      user.store.watch({ onTransitions: () => undefined, onGap: () => undefined, onLimitsRelaxed });
      void user.store.settings.change('q', { paused: true });
    });
    expect(told).toEqual(['q']);
  });

  it('hands out no task of any group when groups may have none, and the tasks without one', async () => {
    const user = await start();
    await user.add({ id: 'a', group: 'g' }, { id: 'b', group: 'h' }, { id: 'c', group: 'g' }, { id: 'free' });
    await user.store.settings.change('default', { maxConcurrencyPerGroup: 0 });
    expect(idsOf(await user.take({ max: 4 }))).toEqual(['free']);
    await user.add({ id: 'd', group: 'new' });
    expect(await user.take({ max: 4 })).toEqual([]);
    await user.harness.reopen();
    expect(await user.take({ max: 4 })).toEqual([]);
    await user.store.settings.change('default', { maxConcurrencyPerGroup: 1 });
    expect(idsOf(await user.take({ max: 5 })).toSorted()).toEqual(['a', 'b', 'd']);
  });

  it('hands out nothing of a queue that may have none in processing', async () => {
    const user = await start();
    await user.store.settings.change('default', { maxConcurrency: 0 });
    await user.add({ id: 'a' });
    expect(await user.take()).toEqual([]);
    await user.harness.reopen();
    expect(await user.take()).toEqual([]);
    await user.store.settings.change('default', { maxConcurrency: null });
    expect(idsOf(await user.take())).toEqual(['a']);
  });

  it('hands out nothing of a paused queue; the others and held tasks go on', async () => {
    const user = await start();
    await user.add({ id: 'a' }, { id: 'b' }, { id: 'other', queue: 'other' });
    const held = await user.takeOne();
    await user.store.settings.change('default', { paused: true });
    expect(await user.take()).toEqual([]);
    expect(idsOf(await user.take({ queues: ['default', 'other'], max: 2 }))).toEqual(['other']);
    expect((await user.complete(held)).state).toBe('completed');
    await user.harness.reopen();
    expect(await user.take()).toEqual([]);
    await user.store.settings.change('default', { paused: false });
    expect(idsOf(await user.take())).toEqual(['b']);
  });

  it.each(['complete', 'fail', 'release', 'lose', 'cancel', 'clear'] as const)(
    'frees a slot of queue and group when a task leaves by %s',
    async (way) => {
      const user = await start();
      await user.store.settings.change('default', { maxConcurrency: 3, maxConcurrencyPerGroup: 1 });
      await user.add(
        { id: 'a0', group: 'a' },
        { id: 'a1', group: 'a' },
        { id: 'a2', group: 'a' },
        { id: 'n0' },
        { id: 'n1' },
        { id: 'n2' },
      );
      const [held] = await user.take({ max: 9, lease: 10 });
      expect(idsOf(await user.list({ states: ['processing'] }))).toEqual(['n1', 'n0', 'a0']);
      expect(await user.take()).toEqual([]);
      if (!held) throw new Error('Nothing was claimed');
      await leave(user, held, way);
      const taken = await user.take({ max: 9 });
      const isBack = way === 'release' || way === 'lose';
      expect(idsOf(taken)[0]).toBe(isBack ? 'a0' : 'a1');
      expect((await user.list({ states: ['processing'], group: 'a' })).length).toBe(1);
      // A clear frees every slot, and one of the three that wait is of the group that is full then.
      expect((await user.list({ states: ['processing'] })).length).toBe(way === 'clear' ? 2 : 3);
    },
  );

  it('passes over groups that are full, and serves them in their old turn when they are not', async () => {
    const user = await start();
    await user.store.settings.change('default', { maxConcurrencyPerGroup: 1 });
    await user.add(...['x0', 'x1', 'b0', 'b1', 'c0'].map((id) => ({ id, group: id.slice(0, 1) })), {
      id: 'low',
      priority: 0,
      group: 'd',
    });
    const taken = await user.take({ max: 9 });
    expect(idsOf(taken)).toEqual(['x0', 'b0', 'c0', 'low']);
    const [x0, b0] = taken;
    if (!x0 || !b0) throw new Error('Too few tasks');
    await user.complete(b0);
    await user.complete(x0);
    expect(idsOf(await user.take({ max: 9 }))).toEqual(['x1', 'b1']);
  });

  it('serves a group that was met full when a task of it is given back', async () => {
    const user = await start();
    await user.store.settings.change('default', { maxConcurrencyPerGroup: 1 });
    const gpu = { gpu: 'yes' };
    await user.add({ id: 'gpu', group: 'g', requires: gpu }, { id: 'plain', group: 'g', priority: 0 });
    const held = await user.takeOne({ labels: gpu });
    expect(await user.take()).toEqual([]);
    await user.release(held);
    expect(idsOf(await user.take())).toEqual(['plain']);
    expect(await user.take({ labels: gpu })).toEqual([]);
  });

  it('fits the settings at once when they change', async () => {
    const user = await start();
    await user.add(
      ...Array.from({ length: 12 }, (_, index) => ({ id: `t${index}`, group: `g${index % 2}` })),
    );
    await user.store.settings.change('default', { maxConcurrencyPerGroup: 1 });
    expect(await user.take({ max: 9 })).toHaveLength(2);
    await user.store.settings.change('default', { maxConcurrencyPerGroup: 3 });
    expect(await user.take({ max: 9 })).toHaveLength(4);
    await user.store.settings.change('default', { maxConcurrencyPerGroup: 2 });
    expect(await user.take({ max: 9 })).toEqual([]);
    await user.store.settings.change('default', { maxConcurrencyPerGroup: null, maxConcurrency: 7 });
    expect(await user.take({ max: 9 })).toHaveLength(1);
    await user.store.settings.change('default', { maxConcurrency: null });
    expect(await user.take({ max: 9 })).toHaveLength(5);
  });

  it('hands out as much at once as the rate says, then one in each interval', async () => {
    const user = await start();
    await user.store.settings.change('default', { rateLimit: { tasks: 4, per: 2 } });
    await user.add(...Array.from({ length: 20 }, (_, index) => ({ id: `t${index}` })));
    expect(await user.store.settings.untilAllowed('default')).toBe(0);
    expect(await user.take({ max: 9 })).toHaveLength(4);
    expect(await user.store.settings.untilAllowed('default')).toBe(500);
    user.clock.advance(499);
    expect(await user.take()).toEqual([]);
    expect(await user.store.settings.untilAllowed('default')).toBe(1);
    user.clock.advance(1);
    expect(await user.take({ max: 9 })).toHaveLength(1);
    user.clock.advance(60_000);
    expect(await user.take({ max: 9 })).toHaveLength(4);
    expect(await user.store.settings.untilAllowed('other')).toBe(0);
  });

  it('does not stand still because the clock was ahead once', async () => {
    const user = await start();
    await user.store.settings.change('default', { rateLimit: { tasks: 2, per: 60 } });
    await user.add(...Array.from({ length: 9 }, (_, index) => ({ id: `t${index}` })));
    user.clock.advance(86_400_000);
    expect(await user.take({ max: 9 })).toHaveLength(2);
    user.clock.advance(-86_400_000);
    expect(await user.store.settings.untilAllowed('default')).toBe(0);
    expect(await user.take({ max: 9 })).toHaveLength(2);
    expect(await user.take({ max: 9 })).toEqual([]);
    expect(await user.store.settings.untilAllowed('default')).toBe(30_000);
  });

  it('does not fill the bucket when the rate is changed or the store is opened again', async () => {
    const user = await start();
    await user.store.settings.change('default', { rateLimit: { tasks: 2, per: 1 } });
    await user.add(...Array.from({ length: 9 }, (_, index) => ({ id: `t${index}` })));
    expect(await user.take({ max: 9 })).toHaveLength(2);
    await user.store.settings.change('default', { rateLimit: { tasks: 2, per: 1 } });
    expect(await user.take({ max: 9 })).toEqual([]);
    await user.harness.reopen();
    expect(await user.take({ max: 9 })).toEqual([]);
    await user.store.settings.change('default', { rateLimit: { tasks: 3, per: 3 } });
    user.clock.advance(999);
    expect(await user.take({ max: 9 })).toEqual([]);
    user.clock.advance(1);
    expect(await user.take({ max: 9 })).toHaveLength(1);
    await user.store.settings.change('default', { rateLimit: null });
    expect(await user.take({ max: 9 })).toHaveLength(6);
  });

  it.each([
    ['tasks', { tasks: 3, per: 1 }, 0],
    ['time', { tasks: 2, per: 2 }, 0],
    ['nothing', { tasks: 2, per: 1 }, 2],
  ])('begins with an empty bucket, unless the rate stays: %s changes', async (_, rateLimit, left) => {
    const user = await start();
    await user.store.settings.change('default', { rateLimit: { tasks: 2, per: 1 } });
    await user.add(...Array.from({ length: 9 }, (_each, index) => ({ id: `t${index}` })));
    await user.store.settings.change('default', { rateLimit });
    expect(await user.take({ max: 9 })).toHaveLength(left);
  });

  it('begins with a full bucket where there was no rate', async () => {
    const user = await start();
    const rateLimit = { tasks: 2, per: 60 };
    await user.add(...Array.from({ length: 9 }, (_, index) => ({ id: `t${index}` })));
    for (const set of [rateLimit, null, rateLimit])
      await user.store.settings.change('default', { rateLimit: set });
    expect(await user.take({ max: 9 })).toHaveLength(2);
    for (const set of [null, rateLimit]) await user.store.settings.change('default', { rateLimit: set });
    expect(await user.take({ max: 9 })).toHaveLength(2);
  });

  it('spends no token on what has expired', async () => {
    const user = await start();
    await user.store.settings.change('default', { rateLimit: { tasks: 1, per: 60 } });
    await user.add({ id: 'late', ttl: 1 }, { id: 'good' });
    user.clock.advance(1_000);
    expect(idsOf(await user.take({ max: 2 }))).toEqual(['good']);
  });

  it('lets waiting count as priority when that is set', async () => {
    const user = await start();
    await user.store.settings.change('default', { priorityAgeing: 10 });
    await user.add({ id: 'old', priority: 0 });
    user.clock.advance(29_000);
    await user.add({ id: 'young', priority: 3 });
    expect(idsOf([await user.takeOne()])).toEqual(['young']);
    user.clock.advance(1_001);
    await user.add({ id: 'younger', priority: 3 }, { id: 'urgent', priority: 4 });
    expect(idsOf(await user.take({ max: 3 }))).toEqual(['urgent', 'old', 'younger']);
  });

  it('weighs every priority when waiting counts', async () => {
    const user = await start();
    await user.store.settings.change('default', { priorityAgeing: 10 });
    for (const priority of [-3, -2, -1, 0, 1, 2]) {
      await user.add({ id: `p${priority}`, priority });
      user.clock.advance(10_001);
    }
    for (const id of ['p-3', 'p-2', 'p-1', 'p0', 'p1', 'p2']) {
      expect(idsOf([await user.takeOne()])).toEqual([id]);
    }
  });

  it('prefers the higher priority when another has waited just as much longer', async () => {
    const user = await start();
    // So that all that is computed is exact.
    await user.store.settings.change('default', { priorityAgeing: 1.024 });
    const { wall, steady } = user.now;
    const old = create(spec({ id: 'old', priority: 0 }), { wall: wall - 3 * 1024, steady });
    const young = create(spec({ id: 'young', priority: 3 }), { wall, steady });
    await user.store.insert([old, young].map((transition) => ({ transition, payload: '' })));
    expect(idsOf(await user.take({ max: 2 }))).toEqual(['young', 'old']);
  });

  it.each([1, 2, 3, 4])('is never above a limit, whatever ends how (seed %i)', async (seed) => {
    const user = await start();
    const random = new SeededRandom(seed);
    let held: ProcessingTask[] = [];
    let limits = { maxConcurrency: 6, maxConcurrencyPerGroup: 2 };
    await user.store.settings.change('default', limits);
    for (let round = 0; round < 120; round += 1) {
      const choice = random.next();
      const group = random.next() < 0.8 ? `g${random.below(4)}` : undefined;
      if (choice < 0.4) await user.add({ id: `t${round}`, group, maxInterruptions: 99 });
      else if (choice < 0.7) held.push(...(await user.take({ max: 1 + random.below(3), lease: 5 })));
      else if (choice < 0.85 && held.length > 0) {
        const [task] = held.splice(random.below(held.length), 1);
        const ways = ['complete', 'fail', 'release', 'cancel'] as const;
        if (task) await leave(user, task, ways[random.below(4)] ?? 'complete');
      } else if (choice < 0.9) {
        await loseAll(user);
        held = [];
      } else if (choice < 0.925) await user.harness.reopen();
      else if (choice < 0.95) {
        // The answer is lost with the process.
        await user.take({ max: 2, lease: 5 });
        await user.harness.crash();
      } else {
        limits = { maxConcurrency: 4 + random.below(4), maxConcurrencyPerGroup: 1 + random.below(3) };
        await user.store.settings.change('default', limits);
        // What is held stays held; no more comes until there is room again.
        for (const task of held.splice(0)) await user.complete(task);
        await loseAll(user);
      }
      await expectWithin(user, limits);
    }
    await loseAll(user);
    held = [];
    for (let spare = 100; spare > 0; spare -= 1) {
      for (const task of held.splice(0)) await user.complete(task);
      held.push(...(await user.take({ max: 9 })));
    }
    expect(await user.list({ states: ['queued', 'processing'] })).toEqual([]);
  });
}

/** Lets every lease run out. */
async function loseAll(user: StoreUser): Promise<void> {
  user.clock.advance(5_000);
  for (const task of await user.list({ states: ['processing'] })) await user.tick(task);
}

async function expectWithin(
  user: StoreUser,
  limits: { readonly maxConcurrency: number; readonly maxConcurrencyPerGroup: number },
): Promise<void> {
  const held = await listAll(user.store, { states: ['processing'] });
  expect(held.length).toBeLessThanOrEqual(limits.maxConcurrency);
  const groups = held.flatMap(({ spec }) => spec.group ?? []);
  for (const group of groups) {
    const count = groups.filter((each) => each === group).length;
    expect(count).toBeLessThanOrEqual(limits.maxConcurrencyPerGroup);
  }
}

async function leave(
  user: StoreUser,
  task: ProcessingTask,
  way: 'complete' | 'fail' | 'release' | 'lose' | 'cancel' | 'clear',
): Promise<unknown> {
  switch (way) {
    case 'complete':
      return user.complete(task);
    case 'fail':
      return user.fail(task);
    case 'release':
      return user.release(task);
    case 'cancel':
      return user.write(cancel(task, undefined, user.now));
    case 'lose':
      user.clock.advance(10_000);
      return user.tick(task);
    case 'clear': {
      const held = await user.list({ states: ['processing'] });
      expect(held.length).toBe(3);
      await user.store.clear({ states: ['processing'] });
      return user.take({ max: 0 });
    }
  }
}
