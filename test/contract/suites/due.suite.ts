import type { StartStore } from '../../support/store-harness.js';
import { byId, idsOf, type StoreUser } from '../../support/store-user.js';
import { cancel, heartbeat } from '../../../src/task/task.machine.js';

/** Nothing is due until `milliseconds` from now, and then exactly these are. The clock ends there. */
async function expectDueAfter(user: StoreUser, milliseconds: number, ids: readonly string[]): Promise<void> {
  expect(await user.dueIds()).toEqual([]);
  expect(await user.store.untilDue()).toBe(milliseconds);
  user.clock.advance(milliseconds - 1);
  expect(await user.dueIds()).toEqual([]);
  expect(await user.store.untilDue()).toBe(1);
  user.clock.advance(1);
  expect(await user.dueIds()).toEqual(ids);
  expect(await user.store.untilDue()).toBe(0);
}

async function expectNeverDue(user: StoreUser): Promise<void> {
  expect(await user.dueIds()).toEqual([]);
  expect(await user.store.untilDue()).toBeUndefined();
}

export function describeDue(start: StartStore): void {
  it('never is for an empty store and for tasks that wait without an end', async () => {
    const user = await start();
    await expectNeverDue(user);
    await user.add({});
    await expectNeverDue(user);
  });

  it('is the start of a delayed task', async () => {
    const user = await start();
    await user.add({ delay: 5 });
    await expectDueAfter(user, 5_000, ['task-1']);
    await user.tick(await user.find('task-1'));
    await expectNeverDue(user);
  });

  it('is the expiry of a delayed task that would start too late', async () => {
    const user = await start();
    await user.add({ delay: 60, ttl: 5 });
    await expectDueAfter(user, 5_000, ['task-1']);
  });

  it('is the expiry of a queued task, also of one whose delay has passed', async () => {
    const user = await start();
    await user.add({ ttl: 5, delay: 2 });
    await expectDueAfter(user, 2_000, ['task-1']);
    await user.tick(await user.find('task-1'));
    await expectDueAfter(user, 3_000, ['task-1']);
    expect((await user.tick(await user.find('task-1'))).state).toBe('expired');
  });

  it('is the end of a lease, which heartbeats move', async () => {
    const user = await start();
    await user.add({});
    const held = await user.takeOne({ lease: 10 });
    expect(await user.store.untilDue()).toBe(10_000);
    user.clock.advance(4_000);
    await user.store.replace([{ task: heartbeat(held, { leaseId: held.lease.id }, user.now) }]);
    await expectDueAfter(user, 10_000, ['task-1']);
    await user.tick(await user.find('task-1'));
    await expectNeverDue(user);
  });

  it('is no longer the expiry of a task that was claimed in time', async () => {
    const user = await start();
    await user.add({ ttl: 5 });
    await user.takeOne({ lease: 60 });
    await expectDueAfter(user, 60_000, ['task-1']);
  });

  it('is the expiry again of a task that came back', async () => {
    const user = await start();
    await user.add({ ttl: 50 });
    const held = await user.takeOne({ lease: 10 });
    user.clock.advance(5_000);
    await user.release(held);
    await expectDueAfter(user, 45_000, ['task-1']);
  });

  it('is the next attempt of a failed one', async () => {
    const user = await start();
    await user.add({ maxAttempts: 2 });
    await user.fail(await user.takeOne({ lease: 2 }), 'once', 7.5);
    await expectDueAfter(user, 7_500, ['task-1']);
  });

  it('is the end of the retention of an ended task', async () => {
    const user = await start({ retention: 60 });
    await user.end('completed');
    await expectDueAfter(user, 60_000, ['completed']);
    await user.store.remove([await user.find('completed')]);
    await expectNeverDue(user);
  });

  it('is not the retention of a task that was redriven', async () => {
    const user = await start({ retention: 60 });
    const [task] = await user.add({});
    await user.redrive(await user.write(cancel(task, undefined, user.now)));
    await expectNeverDue(user);
  });

  it('goes when a task is removed or cleared', async () => {
    const user = await start();
    const [task] = await user.add(
      { id: 'a', delay: 5 },
      { id: 'b', delay: 6 },
      { id: 'c', delay: 7, queue: 'q' },
    );
    await user.store.remove([task]);
    expect(await user.store.untilDue()).toBe(6_000);
    await user.store.clear({ queues: ['default'] });
    expect(await user.store.untilDue()).toBe(7_000);
    await user.store.clear({});
    await expectNeverDue(user);
  });

  it('measures leases on the steady scale, all else on the wall', async () => {
    const user = await start({ retention: 60 });
    await user.add({ id: 'held', queue: 'q' });
    await user.takeOne({ queues: ['q'], lease: 10 });
    user.clock.setWall(user.now.wall + 3_600_000);
    await user.add({ id: 'delayed', delay: 30 }, { id: 'waiting', ttl: 40 });
    expect(await user.store.untilDue()).toBe(10_000);
    user.clock.setWall(user.now.wall + 30_000);
    expect(await user.dueIds()).toEqual(['delayed']);
    user.clock.setWall(user.now.wall - 20_000);
    expect(await user.store.untilDue()).toBe(10_000);
    user.clock.advance(10_000);
    expect(await user.dueIds()).toEqual(['held']);
    user.clock.setWall(user.now.wall + 20_000);
    expect(await user.dueIds()).toEqual(['delayed', 'held', 'waiting']);
    expect(await user.store.untilDue()).toBe(0);
  });

  it('takes the sooner of both scales', async () => {
    const user = await start();
    await user.add({ id: 'held', queue: 'q' }, { id: 'delayed', delay: 7 });
    await user.takeOne({ queues: ['q'], lease: 10 });
    expect(await user.store.untilDue()).toBe(7_000);
    user.clock.setWall(user.now.wall - 60_000);
    expect(await user.store.untilDue()).toBe(10_000);
    user.clock.setWall(user.now.wall + 66_000);
    expect(await user.store.untilDue()).toBe(1_000);
  });

  it('answers tasks as they are, at most as many as asked for', async () => {
    const user = await start({ retention: 1 });
    const delayed = await user.add(
      ...Array.from({ length: 10 }, (_, index) => ({ id: `t${index}`, delay: 5 })),
    );
    await user.add({ id: 'leased', queue: 'q' }, { id: 'later', delay: 60 });
    const leased = await user.takeOne({ queues: ['q'], lease: 5 });
    const ended = await user.end('ended');
    user.clock.advance(5_000);
    const all = byId([...delayed, leased, ended]);
    expect(byId(await user.store.due(100))).toEqual(all);
    expect(byId(await user.store.due(12))).toEqual(all);
    for (const limit of [1, 2, 11]) expect(await user.store.due(limit)).toHaveLength(limit);
    expect(await user.store.untilDue()).toBe(0);
  });

  it('comes to every due task when it is asked again and again', async () => {
    const user = await start({ retention: 1 });
    await user.add(
      ...Array.from({ length: 25 }, (_, index) => ({ id: `d${index}`, delay: 5 + (index % 4), ttl: 9 })),
    );
    await user.add(...Array.from({ length: 10 }, (_, index) => ({ id: `p${index}`, queue: 'q' })));
    await user.take({ queues: ['q'], max: 10, lease: 5 });
    for (let index = 0; index < 5; index++) await user.end(`e${index}`);
    user.clock.advance(9_000);
    const handled: string[] = [];
    for (let round = 0; round < 100; round++) {
      const due = await user.store.due(3);
      if (due.length === 0) break;
      handled.push(...idsOf(due));
      for (const task of due) {
        if (task.state === 'completed') expect(await user.store.remove([task])).toEqual([true]);
        else await user.tick(task);
      }
    }
    expect(handled).toHaveLength(40);
    expect(new Set(handled).size).toBe(40);
  });

  it('is the same after the store was opened again', async () => {
    const user = await start({ retention: 60 });
    await user.add({ id: 'a', delay: 5 }, { id: 'b', ttl: 6 }, { id: 'c', queue: 'q' });
    await user.takeOne({ queues: ['q'], lease: 7 });
    await user.end('d');
    await user.harness.reopen();
    for (const [id, wait] of [
      ['a', 4_999],
      ['b', 1_000],
      ['c', 1_000],
      ['d', 53_001],
    ] as const) {
      await expectDueAfter(user, wait, [id]);
      await user.store.remove([await user.find(id)]);
    }
    await expectNeverDue(user);
  });
}
