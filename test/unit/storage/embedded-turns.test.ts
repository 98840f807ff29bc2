import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { Deadlines } from '../../../src/storage/embedded/deadlines.js';
import { DamagedValue } from '../../../src/storage/embedded/sealed-value.js';
import { EmbeddedTaskStore } from '../../../src/storage/embedded/embedded-task-store.js';
import type { TaskIndex } from '../../../src/storage/embedded/task-index.js';
import { RankedSet } from '../../../src/storage/embedded/ranked-set.js';
import { harnessOf, ROOMY, type StoreHarness } from '../../support/store-harness.js';
import { idsOf, StoreUser } from '../../support/store-user.js';
import { FakeClock } from '../../support/task.builders.js';

/** Cannot be encoded: a record has two bytes for it. */
const IMPOSSIBLE_PRIORITY = 1_000_000;

let directory: string;
let harness: StoreHarness;
let user: StoreUser;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'crucible-embedded-'));
  const clock = new FakeClock();
  harness = await harnessOf({
    clock,
    open: () => EmbeddedTaskStore.open({ directory, clock, settings: ROOMY }),
    dispose: () => rm(directory, { recursive: true, force: true }),
  });
  user = new StoreUser(harness);
});

afterEach(async () => {
  jest.restoreAllMocks();
  await harness.destroy();
});

describe('a write that throws before it is decided', () => {
  it('leaves nothing of an insert behind', async () => {
    const good = user.newTask({ id: 'good' });
    const bad = user.newTask({ id: 'bad', priority: IMPOSSIBLE_PRIORITY });
    await expect(user.store.insert([good, bad])).rejects.toThrow('out of range');
    expect(await user.store.find('good')).toBeUndefined();
    expect(await user.store.views.counts()).toEqual([]);
    await user.add({ id: 'good' });
    await harness.reopen();
    expect(idsOf(await user.take({ max: 2 }))).toEqual(['good']);
  });

  it('leaves nothing of a replace behind', async () => {
    const [one, other] = await user.add({ id: 'one' }, { id: 'other' });
    const cancelled = (task: typeof one, priority = 1) => ({
      task: {
        ...task,
        spec: Object.assign(task.spec, { priority }),
        revision: 2,
        state: 'cancelled' as const,
        finishedAt: 0,
      },
    });
    const changes = [cancelled(one), cancelled(other, IMPOSSIBLE_PRIORITY)];
    await expect(user.store.replace(changes)).rejects.toThrow('out of range');
    expect((await user.find('one')).state).toBe('queued');
    expect(idsOf(await user.take({ max: 3 }))).toEqual(['one', 'other']);
  });

  it('gives back what a claim has taken, and the room and the rate that it took', async () => {
    await user.store.settings.change('default', {
      maxConcurrency: 1,
      maxConcurrencyPerGroup: 1,
      rateLimit: { tasks: 1, per: 1 },
    });
    await user.add({ id: 'a', group: 'g' }, { id: 'b', group: 'g' });
    await expect(user.take({ claimId: 'x'.repeat(70_000) })).rejects.toThrow('out of range');
    expect(idsOf(await user.take({ max: 2 }))).toEqual(['a']);
  });

  it('lets the store close', async () => {
    const bad = user.newTask({ id: 'bad', priority: IMPOSSIBLE_PRIORITY });
    await expect(user.store.insert([user.newTask({ id: 'a' }), bad])).rejects.toThrow('out of range');
    await harness.store.close();
    await expect(user.store.find('a')).rejects.toThrow('The store is closed');
  });
});

describe('a claim over many expired tasks', () => {
  it('expires a bounded number of them in a turn, and finds what is behind them', async () => {
    const waiting = Array.from({ length: 1_000 }, (_, index) => ({ id: `old-${index}`, ttl: 1 }));
    await user.add(...waiting);
    await user.add({ id: 'fresh' });
    user.clock.advance(1_000);
    const commits: number[] = [];
    user.store.onCommit((transitions) => commits.push(transitions.length));
    expect(idsOf(await user.take())).toEqual(['fresh']);
    expect(commits.reduce((sum, count) => sum + count)).toBe(1_001);
    expect(Math.max(...commits)).toBeLessThanOrEqual(300);
  });
});

describe('what is due', () => {
  it('is found beyond a record that cannot be read, again and again', async () => {
    await user.add({ id: 'a', delay: 1 }, { id: 'b', delay: 2 });
    await user.store.close();
    user.clock.advance(5_000);
    await harness.reopen();
    const files = (user.store as unknown as { files: { tasks: object } }).files;
    const { tasks } = files;
    const unreadable = (number: number) => {
      if (number === 1) throw new DamagedValue('damaged');
      return (tasks as { get: (number: number) => unknown }).get(number);
    };
    files.tasks = { get: unreadable };
    expect(await user.dueIds()).toEqual(['b']);
    expect(await user.dueIds()).toEqual(['b']);
    files.tasks = tasks;
    user.clock.advance(60_000);
    expect(await user.dueIds()).toEqual(['a', 'b']);
  });
});

describe('deadlines of tasks that have moved on', () => {
  it('are sorted out while the store goes on, when there are many', async () => {
    await user.add({ id: 'a', ttl: 60 });
    const { index } = user.store as unknown as { index: TaskIndex };
    const { onWall } = index as unknown as { onWall: Deadlines };
    const addStale = () => {
      for (let number = 2; number < 6_000; number += 1) onWall.push(Number.MAX_SAFE_INTEGER, number);
    };
    addStale();
    expect(await user.store.untilDue()).toBe(60_000);
    while (index.deadlines > 1) await new Promise(setImmediate);
    expect(await user.store.untilDue()).toBe(60_000);
    addStale();
    await user.store.untilDue();
    await user.store.close();
    expect(index.deadlines).toBeGreaterThan(1);
  });
});

describe('many queues', () => {
  const QUEUES = 3_000;

  beforeEach(async () => {
    await user.add(
      ...Array.from({ length: QUEUES }, (_, index) => ({ id: `t${index}`, queue: `q${index}` })),
    );
  });

  it.each([
    ['no filter', {}],
    ['a state', { states: ['queued'] }],
    ['all queues by name', { queues: Array.from({ length: QUEUES }, (_, index) => `q${index}`) }],
    ['one queue', { queues: ['q7'] }],
    ['a group', { group: 'none' }],
  ] as const)('cost a list with %s no more than what it lists', async (_, filter) => {
    const below = jest.spyOn(RankedSet.prototype, 'below');
    await user.store.views.list({ ...filter, limit: 10 });
    // A filter that matches nothing looks at every task once, and begins anew in each turn.
    expect(below.mock.calls.length).toBeLessThan('group' in filter ? QUEUES + 200 : 40);
  });

  it('are listed whole, each task once, page by page', async () => {
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await user.store.views.list({ limit: 700, cursor });
      ids.push(...idsOf(page.tasks));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(ids).toEqual(Array.from({ length: QUEUES }, (_, index) => `t${QUEUES - 1 - index}`));
  });

  it('are counted anew only where a task has moved', async () => {
    const before = await user.store.views.counts();
    expect(before).toHaveLength(QUEUES);
    await user.takeOne({ queues: ['q7'] });
    const after = await user.store.views.counts();
    expect(after.filter((counts, index) => counts !== before[index]).map(({ queue }) => queue)).toEqual([
      'q7',
    ]);
    expect(await user.store.views.countQueue('q7')).toMatchObject({ counts: { queued: 0, processing: 1 } });
    expect(await user.store.views.countQueue('none')).toBeUndefined();
    expect(await user.store.views.totals()).toEqual({ queued: QUEUES - 1, all: QUEUES });
  });
});
