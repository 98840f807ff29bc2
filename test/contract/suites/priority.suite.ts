import { reprioritize, tick } from '../../../src/task/task.machine.js';
import { priorityOf, type Task } from '../../../src/task/task.js';
import { keptTasks } from '../../support/kept-tasks.js';
import type { StartStore } from '../../support/store-harness.js';
import { SeededRandom } from '../../support/store-random.js';
import { idsOf, type StoreUser } from '../../support/store-user.js';

async function give(user: StoreUser, task: Task, priority: number): Promise<Task> {
  const transition = reprioritize(task, priority, user.now);
  if (transition === undefined) throw new Error('It has this priority');
  expect(await user.store.replace([transition])).toEqual([true]);
  return transition.task;
}

function positionsOf(user: StoreUser, tasks: readonly Task[]): Promise<readonly (number | undefined)[]> {
  return Promise.all(tasks.map((task) => user.store.views.position(task)));
}

export function describePriority(start: StartStore): void {
  it('moves a ready task at once, to its place by age', async () => {
    const user = await start();
    const [a, b, c, d] = await user.add(
      { id: 'a', priority: 5 },
      { id: 'b', priority: 0 },
      { id: 'c', priority: 5 },
      { id: 'd', priority: -7 },
    );
    const raised = await give(user, b, 5);
    const lowered = await give(user, a, -7);
    expect(await positionsOf(user, [lowered, raised, c, d])).toEqual([3, 1, 2, 4]);
    expect(await user.find('b')).toEqual(raised);
    expect(raised.spec.priority).toBe(0);
    expect(idsOf(await user.take({ max: 4 }))).toEqual(['b', 'c', 'a', 'd']);
  });

  it('takes the limits of priorities, and the one of the enqueue again', async () => {
    const user = await start();
    const [a, b] = await user.add({ id: 'a', priority: 0 }, { id: 'b', priority: 0 });
    let task = await give(user, b, 1000);
    expect(await positionsOf(user, [a, task])).toEqual([2, 1]);
    task = await give(user, task, -1000);
    expect(await positionsOf(user, [a, task])).toEqual([1, 2]);
    task = await give(user, task, 0);
    expect(task.priority).toBeUndefined();
    expect(await user.find('b')).toEqual(task);
    expect(await positionsOf(user, [a, task])).toEqual([1, 2]);
  });

  it('survives a restart, each later change, and a copy to another store', async () => {
    const user = await start();
    const [, b] = await user.add({ id: 'a', priority: 3 }, { id: 'b', priority: 2 });
    await give(user, b, 9);
    await user.harness.reopen();
    expect(await user.find('b')).toMatchObject({ priority: 9, spec: { priority: 2 } });
    const held = await user.takeOne();
    expect(held).toMatchObject({ spec: { id: 'b', priority: 2 }, priority: 9 });
    await user.release(held);
    await user.harness.reopen();
    const again = await user.takeOne();
    expect(again.spec.id).toBe('b');
    await user.fail(again, 'for good');
    await user.redrive(await user.find('b'));
    expect(await user.store.views.position(await user.find('b'))).toBe(1);

    const copy = await start();
    const [low] = await copy.add({ id: 'low', priority: 3 });
    const kept = (await keptTasks(user.store)).filter(({ task }) => task.spec.id === 'b');
    await copy.store.restore(kept);
    expect(priorityOf(await copy.find('b'))).toBe(9);
    expect(await copy.store.views.position(low)).toBe(2);
  });

  it('counts when a delay is over', async () => {
    const user = await start();
    const [, late] = await user.add({ id: 'now', priority: 1 }, { id: 'late', priority: 0, delay: 1 });
    const waiting = await give(user, late, 2);
    expect(await user.store.views.position(waiting)).toBeUndefined();
    user.clock.advance(1_000);
    await user.write(tick(waiting, user.now));
    expect(idsOf(await user.take({ max: 2 }))).toEqual(['late', 'now']);
  });

  it('keeps the turns of groups, the labels and the counts in order', async () => {
    const user = await start();
    const [a1, , b1] = await user.add(
      { id: 'a1', priority: 1, group: 'a' },
      { id: 'a2', priority: 1, group: 'a' },
      { id: 'b1', priority: 0, group: 'b' },
      { id: 'c1', priority: 0, requires: { gpu: 'h' } },
    );
    const raised = await give(user, b1, 1);
    const c1 = await give(user, await user.find('c1'), 1);
    // Of three groups, each has one more turn at the latest.
    expect(await positionsOf(user, [a1, raised, c1])).toEqual([3, 3, 3]);
    expect([...idsOf(await user.take({ max: 4 }))].sort()).toEqual(['a1', 'a2', 'b1']);
    expect(idsOf(await user.take({ max: 4, labels: { gpu: 'h' } }))).toEqual(['c1']);
    const [counts] = await user.store.views.counts();
    expect(counts?.counts).toMatchObject({ queued: 0, processing: 4 });
  });

  it('is refused with an outdated revision, and then changes nothing', async () => {
    const user = await start();
    const [a] = await user.add({ id: 'a', priority: 0 }, { id: 'b', priority: 1 });
    const late = reprioritize(a, 5, user.now);
    await give(user, a, -5);
    if (late === undefined) throw new Error('It has this priority');
    expect(await user.store.replace([late])).toEqual([false]);
    expect(idsOf(await user.take({ max: 2 }))).toEqual(['b', 'a']);
  });

  it('is the order of claims when waiting counts as priority', async () => {
    const user = await start();
    const random = new SeededRandom(23);
    await user.store.settings.change('default', { priorityAgeing: 0.5 });
    for (let at = 0; at < 30; at += 1) {
      user.clock.advance(random.below(300));
      await user.add({ id: `t${at}`, priority: random.below(4) });
    }
    for (let at = 0; at < 30; at += 3) {
      const task = await user.find(`t${at}`);
      await give(user, task, priorityOf(task) + 1 + random.below(3));
    }
    const tasks = await Promise.all(Array.from({ length: 30 }, (_, at) => user.find(`t${at}`)));
    const positions = await positionsOf(user, tasks);
    const claimed = idsOf(await user.take({ max: 30 }));
    expect(positions).toEqual(tasks.map(({ spec }) => claimed.indexOf(spec.id) + 1));
  });

  it('emits a transition', async () => {
    const user = await start();
    const [a] = await user.add({ id: 'a', priority: 0 });
    const seen: unknown[] = [];
    user.store.onCommit((transitions) =>
      seen.push(...transitions.map(({ type, task }) => [type, task.sequence])),
    );
    await give(user, a, 5);
    expect(seen).toEqual([['reprioritized', 2]]);
  });
}
