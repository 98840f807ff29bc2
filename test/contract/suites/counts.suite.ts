import { countsOf } from '../../support/store-contents.js';
import type { StartStore } from '../../support/store-harness.js';
import type { StoreUser } from '../../support/store-user.js';
import { cancel, heartbeat } from '../../../src/task/task.machine.js';
import { TASK_STATES, type TaskState } from '../../../src/task/task-state.js';

/** The counts of the one queue there is, those that are not 0. */
async function statesOf(user: StoreUser): Promise<Partial<Record<TaskState, number>>> {
  const [only, ...others] = await user.store.views.counts();
  expect(others).toEqual([]);
  expect(Object.keys(only?.counts ?? {}).toSorted()).toEqual([...TASK_STATES].toSorted());
  return Object.fromEntries(Object.entries(only?.counts ?? {}).filter(([, count]) => count !== 0));
}

async function oldestOf(user: StoreUser): Promise<number | undefined> {
  return (await user.store.views.counts())[0]?.oldestQueuedAt;
}

export function describeCounts(start: StartStore): void {
  it('counts one queue, and all tasks', async () => {
    const user = await start();
    expect(await user.store.views.totals()).toEqual({ queued: 0, all: 0 });
    expect(await user.store.views.countQueue('q')).toBeUndefined();
    await user.add({ id: 'a', queue: 'q' }, { id: 'b', queue: 'q', delay: 1 }, { id: 'c', queue: 'r' });
    await user.takeOne({ queues: ['r'] });
    const [counts] = (await user.store.views.counts()).filter(({ queue }) => queue === 'q');
    expect(await user.store.views.countQueue('q')).toEqual(counts);
    expect(await user.store.views.totals()).toEqual({ queued: 1, all: 3 });
    await user.harness.reopen();
    expect(await user.store.views.totals()).toEqual({ queued: 1, all: 3 });
    await user.store.clear({});
    expect(await user.store.views.totals()).toEqual({ queued: 0, all: 0 });
    expect(await user.store.views.countQueue('q')).toBeUndefined();
  });

  it('tells how many tasks of a queue wait, delayed ones too', async () => {
    const user = await start();
    await user.add({ id: 'a' }, { id: 'b' }, { id: 'c', delay: 60 }, { id: 'd', queue: 'other' });
    await user.takeOne();
    expect(await user.store.views.depth('default')).toBe(2);
    expect(await user.store.views.depth('other')).toBe(1);
    expect(await user.store.views.depth('none')).toBe(0);
  });

  it('knows no queue at first', async () => {
    const { store } = await start();
    expect(await store.views.counts()).toEqual([]);
  });

  it('follows a task through every state', async () => {
    const user = await start();
    const [task] = await user.add({ delay: 1, maxAttempts: 2, maxInterruptions: 0 });
    expect(await statesOf(user)).toEqual({ delayed: 1 });
    user.clock.advance(1_000);
    await user.tick(task);
    expect(await statesOf(user)).toEqual({ queued: 1 });
    await user.fail(await user.takeOne(), 'once', 1);
    expect(await statesOf(user)).toEqual({ delayed: 1 });
    user.clock.advance(1_000);
    await user.tick(await user.find('task-1'));
    const held = await user.takeOne({ lease: 1 });
    expect(await statesOf(user)).toEqual({ processing: 1 });
    await user.store.replace([{ task: heartbeat(held, { leaseId: held.lease.id }, user.now) }]);
    expect(await statesOf(user)).toEqual({ processing: 1 });
    user.clock.advance(1_000);
    await user.tick(await user.find('task-1'));
    expect(await statesOf(user)).toEqual({ failed: 1 });
    await user.redrive(await user.find('task-1'));
    expect(await statesOf(user)).toEqual({ queued: 1 });
    await user.write(cancel(await user.find('task-1'), undefined, user.now));
    expect(await statesOf(user)).toEqual({ cancelled: 1 });
    await user.redrive(await user.find('task-1'));
    await user.complete(await user.takeOne());
    expect(await statesOf(user)).toEqual({ completed: 1 });
    await user.store.remove([await user.find('task-1')]);
    expect(await user.store.views.counts()).toEqual([]);
  });

  it('counts what expired, by a claim and by time', async () => {
    const user = await start();
    await user.add({ id: 'a', ttl: 1 }, { id: 'b', ttl: 1, priority: 0 }, { id: 'c' });
    user.clock.advance(1_000);
    await user.takeOne();
    expect(await statesOf(user)).toEqual({ expired: 1, queued: 1, processing: 1 });
    await user.tick(await user.find('b'));
    expect(await statesOf(user)).toEqual({ expired: 2, processing: 1 });
  });

  it('counts every queue that has tasks by itself', async () => {
    const user = await start();
    await user.add({ id: 'a', queue: 'x' }, { id: 'b', queue: 'y' }, { id: 'c', queue: 'x' });
    await user.takeOne({ queues: ['x'] });
    expect(
      (await countsOf(user.store)).map(({ queue, counts }) => [queue, counts.queued, counts.processing]),
    ).toEqual([
      ['x', 1, 1],
      ['y', 1, 0],
    ]);
    await user.store.remove([await user.find('b')]);
    expect((await countsOf(user.store)).map(({ queue }) => queue)).toEqual(['x']);
    await user.add({ id: 'b', queue: 'y' });
    expect((await countsOf(user.store)).map(({ queue }) => queue)).toEqual(['x', 'y']);
    await user.harness.reopen();
    expect((await countsOf(user.store)).map(({ queue }) => queue)).toEqual(['x', 'y']);
  });

  it('does not count what was refused', async () => {
    const user = await start();
    const [task] = await user.add({});
    const transition = cancel(task, undefined, user.now);
    const changes = transition ? [transition, transition] : [];
    expect(await user.store.replace(changes)).toEqual([true, false]);
    await user.store.insert([user.newTask({}), user.newTask({})]);
    expect(await statesOf(user)).toEqual({ cancelled: 1 });
    await user.store.remove([task]);
    expect(await statesOf(user)).toEqual({ cancelled: 1 });
  });

  describe('oldestQueuedAt', () => {
    it('is when the oldest waiting task became ready, whatever the priorities', async () => {
      const user = await start();
      const began = user.now.wall;
      await user.add({ id: 'a' });
      user.clock.advance(1_000);
      await user.add({ id: 'b', priority: 9 });
      expect(await oldestOf(user)).toBe(began);
      await user.takeOne();
      expect(await oldestOf(user)).toBe(began);
      await user.takeOne();
      expect(await oldestOf(user)).toBeUndefined();
    });

    it('moves on when that task is claimed, cancelled, removed or cleared', async () => {
      const user = await start();
      const began = user.now.wall;
      for (const id of ['a', 'b', 'c', 'd', 'e']) {
        await user.add({ id, priority: id === 'd' ? 5 : 1 });
        user.clock.advance(1_000);
      }
      await user.write(cancel(await user.find('a'), undefined, user.now));
      expect(await oldestOf(user)).toBe(began + 1_000);
      await user.store.remove([await user.find('b')]);
      expect(await oldestOf(user)).toBe(began + 2_000);
      await user.take({ max: 2 });
      expect(await oldestOf(user)).toBe(began + 4_000);
      await user.store.clear({ states: ['queued'] });
      expect(await oldestOf(user)).toBeUndefined();
    });

    it('counts a returned task from its return: it is the oldest again', async () => {
      const user = await start();
      const began = user.now.wall;
      await user.add({ id: 'old' });
      const held = await user.takeOne();
      user.clock.advance(1_000);
      await user.add({ id: 'young' });
      user.clock.advance(1_000);
      expect(await oldestOf(user)).toBe(began + 1_000);
      await user.release(held);
      expect(await oldestOf(user)).toBe(began + 2_000);
      await user.harness.reopen();
      expect(await oldestOf(user)).toBe(began + 2_000);
      await user.store.remove([await user.find('old')]);
      expect(await oldestOf(user)).toBe(began + 1_000);
    });

    it('does not count delayed tasks', async () => {
      const user = await start();
      const [task] = await user.add({ delay: 5 });
      expect(await oldestOf(user)).toBeUndefined();
      user.clock.advance(5_000);
      await user.tick(task);
      expect(await oldestOf(user)).toBe(user.now.wall);
    });
  });
}
