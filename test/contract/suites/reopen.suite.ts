import { contentsOf } from '../../support/store-contents.js';
import type { StartStore } from '../../support/store-harness.js';
import { fillWithEverything } from '../../support/store-filling.js';
import { idsOf } from '../../support/store-user.js';
import { TASK_STATES } from '../../../src/task/task-state.js';

export function describeReopen(start: StartStore): void {
  it('finds everything as it was left', async () => {
    const user = await start({ retention: 400, retentionMaxTasks: 2 });
    await fillWithEverything(user);
    const before = await contentsOf(user.store);
    expect(new Set(before.tasks.map(({ task }) => task?.state))).toEqual(new Set(TASK_STATES));
    expect(before.due.length).toBeGreaterThan(0);
    await user.harness.reopen();
    expect(await contentsOf(user.store)).toEqual(before);
    await user.harness.reopen();
    expect(await contentsOf(user.store)).toEqual(before);
  });

  it('goes on where it was', async () => {
    const user = await start();
    await fillWithEverything(user);
    const held = await user.find('held');
    await user.harness.reopen();
    await user.add({ id: 'queued-5', queue: 'b', priority: 3 }, { id: 'queued-6', queue: 'b', priority: -2 });
    const order = ['queued-1', 'queued-3', 'queued-5', 'queued-0', 'queued-4', 'queued-2', 'queued-6'];
    expect(await user.store.views.position(await user.find('queued-2'))).toBe(6);
    expect(idsOf(await user.take({ queues: ['b'], max: 9 }))).toEqual(order);
    expect((await user.complete(held, '1')).state).toBe('completed');
    expect(idsOf(await user.list()).slice(0, 2)).toEqual(['queued-6', 'queued-5']);
  });

  it('stays gone what was removed', async () => {
    const user = await start();
    await user.add({ id: 'a' }, { id: 'b' });
    await user.store.remove([await user.find('a')]);
    const before = await contentsOf(user.store);
    await user.harness.reopen();
    expect(await contentsOf(user.store)).toEqual(before);
    expect(await user.store.findPayload('a')).toBeUndefined();
    expect(await user.store.insert([user.newTask({ id: 'a' })])).toEqual([undefined]);
    expect(idsOf(await user.take({ max: 3 }))).toEqual(['b', 'a']);
  });

  it('opens an empty store again', async () => {
    const user = await start();
    const before = await contentsOf(user.store);
    await user.harness.reopen();
    expect(await contentsOf(user.store)).toEqual(before);
  });

  it('keeps many tasks in order', async () => {
    const user = await start();
    const specs = Array.from({ length: 1_000 }, (_, index) => ({
      id: `t${(index * 7) % 1_000}`,
      priority: index % 2,
    }));
    await user.add(...specs);
    await user.harness.reopen();
    const expected = [
      ...specs.filter(({ priority }) => priority === 1),
      ...specs.filter(({ priority }) => !priority),
    ];
    expect(idsOf(await user.take({ max: 1_000 }))).toEqual(expected.map(({ id }) => id));
  });
}
