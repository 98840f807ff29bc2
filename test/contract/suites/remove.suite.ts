import { contentsOf, totalOf } from '../../support/store-contents.js';
import type { StartStore } from '../../support/store-harness.js';
import { cancel } from '../../../src/task/task.machine.js';

export function describeRemove(start: StartStore): void {
  it('forgets a task with all that belongs to it', async () => {
    const user = await start({ retention: 10 });
    const empty = await contentsOf(user.store);
    await user.add({});
    const ended = await user.complete(await user.takeOne(), '"output"');
    expect(await user.store.remove([ended])).toEqual([true]);
    expect(await user.store.find('task-1')).toBeUndefined();
    expect(await user.store.findPayload('task-1')).toBeUndefined();
    expect(await user.store.findOutput('task-1')).toBeUndefined();
    expect(await user.store.findAttempts('task-1')).toEqual([]);
    user.clock.advance(10_000);
    expect(await contentsOf(user.store)).toEqual(empty);
    await user.harness.reopen();
    expect(await contentsOf(user.store)).toEqual(empty);
  });

  it.each(['queued', 'delayed', 'processing'])('forgets a %s task', async (state) => {
    const user = await start();
    const empty = await contentsOf(user.store);
    const [task] = await user.add({ delay: state === 'delayed' ? 5 : 0, ttl: 60 });
    const last = state === 'processing' ? await user.takeOne() : task;
    expect(last.state).toBe(state);
    expect(await user.store.remove([last])).toEqual([true]);
    expect(await contentsOf(user.store)).toEqual(empty);
    expect(await user.take()).toEqual([]);
  });

  it('leaves a task that was written since', async () => {
    const user = await start();
    const [read] = await user.add({});
    await user.takeOne();
    const before = await contentsOf(user.store);
    expect(await user.store.remove([read])).toEqual([false]);
    expect(await contentsOf(user.store)).toEqual(before);
  });

  it('answers for each of many, also unknown and repeated ones', async () => {
    const user = await start();
    const [a, b, c] = await user.add({ id: 'a' }, { id: 'b' }, { id: 'c' });
    const unknown = user.newTask({ id: 'nobody' }).transition.task;
    expect(await user.store.remove([])).toEqual([]);
    expect(await user.store.remove([a, unknown, c, a])).toEqual([true, false, true, false]);
    expect((await user.list()).map(({ spec }) => spec.id)).toEqual([b.spec.id]);
    expect(await totalOf(user.store)).toBe(1);
  });

  it('closes the gap in the queue', async () => {
    const user = await start();
    const [first, middle, last] = await user.add({ id: 'a' }, { id: 'b' }, { id: 'c' });
    await user.store.remove([middle]);
    expect(await user.store.views.position(first)).toBe(1);
    expect(await user.store.views.position(middle)).toBeUndefined();
    expect(await user.store.views.position(last)).toBe(2);
  });

  it('frees the id: the next task of that name is new', async () => {
    const user = await start();
    await user.add({ id: 'a' }, { id: 'b' });
    const held = await user.takeOne({ claimId: 'c' });
    await user.store.remove([await user.complete(held, '"old"')]);
    user.clock.advance(5);
    const fresh = await user.addWith('"code":"new"', { id: 'a' });
    expect(await user.store.find('a')).toEqual(fresh);
    expect(await user.store.findPayload('a')).toBe('"code":"new"');
    expect(await user.store.findOutput('a')).toBeUndefined();
    expect(await user.store.findAttempts('a')).toEqual([]);
    expect(await user.store.views.position(fresh)).toBe(2);
  });

  it('lets one of a removal and a write through', async () => {
    const user = await start();
    for (let round = 0; round < 20; round++) {
      const id = `t${round}`;
      const [task] = await user.add({ id });
      const transition = cancel(task, undefined, user.now);
      const [removed, written] = await Promise.all([
        user.store.remove([task]),
        user.store.replace(transition ? [transition] : []),
      ]);
      expect([...removed, ...written].toSorted()).toEqual([false, true]);
      expect((await user.store.find(id)) === undefined).toBe(removed[0]);
    }
  });
}
