import { TASK_STATES } from '../../../src/task/task-state.js';
import type { StartStore } from '../../support/store-harness.js';
import { idsOf, type StoreUser } from '../../support/store-user.js';

/** What is kept of the tasks of a batch. */
export function describeBatches(start: StartStore): void {
  /** The counts that are not 0, by queue. */
  async function countsOf(user: StoreUser, id: string): Promise<Record<string, Record<string, number>>> {
    const counted = await user.store.views.countBatch(id);
    return Object.fromEntries(
      counted.map(({ queue, counts }) => {
        expect(Object.keys(counts).toSorted()).toEqual(TASK_STATES.toSorted());
        return [queue, Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0))];
      }),
    );
  }

  it('counts its tasks by queue and state', async () => {
    const user = await start();
    await user.add(
      { id: 'a', batchId: 'one' },
      { id: 'b', batchId: 'one', delay: 60 },
      { id: 'c', batchId: 'one', queue: 'other' },
      { id: 'd', batchId: 'two' },
      { id: 'e' },
    );
    expect(await countsOf(user, 'one')).toEqual({ default: { queued: 1, delayed: 1 }, other: { queued: 1 } });
    expect(await countsOf(user, 'two')).toEqual({ default: { queued: 1 } });
    expect(await countsOf(user, 'none')).toEqual({});
    const [counted, ...others] = await user.store.views.countBatch('one', ['other', 'empty']);
    expect([counted, others]).toMatchObject([{ queue: 'other', counts: { queued: 1, delayed: 0 } }, []]);
  });

  it('follows its tasks through their lives', async () => {
    const user = await start();
    await user.add({ id: 'a', batchId: 'b' }, { id: 'x' }, { id: 'c', batchId: 'b', maxAttempts: 2 });
    const held = await user.takeOne();
    expect(await countsOf(user, 'b')).toEqual({ default: { queued: 1, processing: 1 } });
    const done = await user.complete(held);
    await user.takeOne();
    const other = await user.takeOne({ claimId: 'claim' });
    await user.fail(other);
    expect(await countsOf(user, 'b')).toEqual({ default: { completed: 1, delayed: 1 } });
    expect(await user.store.remove([done])).toEqual([true]);
    expect(await countsOf(user, 'b')).toEqual({ default: { delayed: 1 } });
    expect(await user.store.remove([done])).toEqual([false]);
    expect(await countsOf(user, 'b')).toEqual({ default: { delayed: 1 } });
  });

  it('does not count a task again whose id is taken', async () => {
    const user = await start();
    await user.add({ id: 'a', batchId: 'b' });
    await user.store.insert([
      user.newTask({ id: 'a', batchId: 'b' }),
      user.newTask({ id: 'a', batchId: 'c' }),
    ]);
    expect(await countsOf(user, 'b')).toEqual({ default: { queued: 1 } });
    expect(await countsOf(user, 'c')).toEqual({});
  });

  it.each([{}, { queues: ['q'] }, { states: ['queued' as const] }])(
    'forgets what a clear takes: %j',
    async (filter) => {
      const user = await start();
      await user.add({ id: 'a', batchId: 'b', queue: 'q' }, { id: 'c', batchId: 'b', delay: 60 });
      await user.store.clear(filter);
      const isAll = Object.keys(filter).length === 0;
      expect(await countsOf(user, 'b')).toEqual(isAll ? {} : { default: { delayed: 1 } });
      expect(idsOf(await user.list({ batchId: 'b' }))).toEqual(isAll ? [] : ['c']);
    },
  );

  it('knows them after a restart', async () => {
    const user = await start();
    await user.add({ id: 'a', batchId: 'b' }, { id: 'c', batchId: 'b' }, { id: 'd' });
    await user.complete(await user.takeOne());
    const before = await user.store.views.countBatch('b');
    await user.harness.reopen();
    expect(await user.store.views.countBatch('b')).toEqual(before);
    await user.takeOne();
    expect(await countsOf(user, 'b')).toEqual({ default: { completed: 1, processing: 1 } });
  });

  it('takes them over from another store', async () => {
    const user = await start();
    const [task] = await user.add({ id: 'a', batchId: 'b' });
    await user.store.clear({});
    await user.store.restore([{ task, payload: '', attempts: [] }]);
    expect(await countsOf(user, 'b')).toEqual({ default: { queued: 1 } });
    expect(idsOf(await user.list({ batchId: 'b' }))).toEqual(['a']);
  });

  it('lists few of many, newest first, page by page', async () => {
    const user = await start();
    for (let round = 0; round < 5; round += 1) {
      const others = Array.from({ length: 50 }, (_, index) => ({
        id: `x${round}-${index}`,
        batchId: `b${index}`,
      }));
      await user.add(...others, { id: `t${round}`, batchId: 'b', queue: `q${round % 2}` });
    }
    const first = await user.store.views.list({ batchId: 'b', limit: 2 });
    expect(idsOf(first.tasks)).toEqual(['t4', 't3']);
    const second = await user.store.views.list({ batchId: 'b', limit: 10, cursor: first.nextCursor });
    expect(idsOf(second.tasks)).toEqual(['t2', 't1', 't0']);
    expect(second.nextCursor).toBeUndefined();
    expect(idsOf(await user.list({ batchId: 'b', queues: ['q1'] }))).toEqual(['t3', 't1']);
    expect(await user.list({ batchId: 'b', states: ['failed'] })).toEqual([]);
  });

  it('adds up when many write at once', async () => {
    const user = await start();
    const ids = Array.from({ length: 60 }, (_, index) => `t${index}`);
    await Promise.all(ids.map((id) => user.add({ id, batchId: 'b' })));
    await Promise.all(ids.slice(0, 40).map(async () => user.complete(await user.takeOne())));
    expect(await countsOf(user, 'b')).toEqual({ default: { completed: 40, queued: 20 } });
  });
}
