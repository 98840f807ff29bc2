import { contentsOf } from '../../support/store-contents.js';
import type { StartStore } from '../../support/store-harness.js';
import { asProcessing } from '../../support/store-user.js';
import { cancel, complete, heartbeat } from '../../../src/task/task.machine.js';

export function describeReplace(start: StartStore): void {
  it('writes the next revision of a task', async () => {
    const user = await start();
    await user.add({});
    const held = await user.takeOne();
    const transition = complete(held, { leaseId: held.lease.id }, user.now);
    if (!transition) throw new Error('Nothing to write');
    expect(await user.store.replace([{ ...transition, output: '{"a":[]}' }])).toEqual([true]);
    expect(await user.store.find('task-1')).toEqual(transition.task);
    expect(await user.store.findOutput('task-1')).toBe('{"a":[]}');
    expect(await user.store.findAttempts('task-1')).toEqual([transition.ended]);
  });

  it('accepts an empty call', async () => {
    const { store } = await start();
    expect(await store.replace([])).toEqual([]);
  });

  it('refuses what was read before the latest write, and changes nothing', async () => {
    const user = await start();
    const [read] = await user.add({});
    const held = await user.takeOne();
    const before = await contentsOf(user.store);
    const late = cancel(read, 'too late', user.now);
    if (!late) throw new Error('Nothing to write');
    const ended = complete(held, {}, user.now)?.ended;
    expect(await user.store.replace([{ ...late, ended, output: '"late"' }])).toEqual([false]);
    expect(await contentsOf(user.store)).toEqual(before);
  });

  it('refuses a revision that skips one', async () => {
    const user = await start();
    await user.add({});
    const held = await user.takeOne();
    const beat = heartbeat(held, { leaseId: held.lease.id }, user.now);
    const task = { ...beat, revision: beat.revision + 1 };
    expect(await user.store.replace([{ task }])).toEqual([false]);
    expect(await user.store.replace([{ task: { ...beat, revision: held.revision } }])).toEqual([false]);
    expect(await user.find('task-1')).toEqual(held);
  });

  it('refuses a task that is not there', async () => {
    const user = await start();
    const [task] = await user.add({});
    const transition = cancel(task, undefined, user.now);
    await user.store.remove([task]);
    expect(await user.store.replace(transition ? [transition] : [])).toEqual([false]);
    expect(await user.store.find('task-1')).toBeUndefined();
    expect(await user.store.findAttempts('task-1')).toEqual([]);
  });

  it.each(['remove', 'clear'])(
    'does not take a task inserted anew after a %s for the one that was read',
    async (way) => {
      const user = await start();
      const [read] = await user.add({ queue: 'old' });
      const transition = cancel(read, undefined, user.now);
      if (way === 'remove') await user.store.remove([read]);
      else await user.store.clear({});
      user.clock.advance(1);
      const [fresh] = await user.add({ queue: 'new' });
      const before = await contentsOf(user.store);
      expect(await user.store.replace(transition ? [transition] : [])).toEqual([false]);
      expect(await user.store.remove([read])).toEqual([false]);
      expect(await contentsOf(user.store)).toEqual(before);
      expect(await user.find('task-1')).toEqual(fresh);
    },
  );

  it('lets one of two writes of the same revision through', async () => {
    const user = await start();
    await user.add({});
    const held = await user.takeOne();
    const done = complete(held, {}, user.now);
    const stopped = cancel(held, 'stop', user.now);
    if (!done || !stopped) throw new Error('Nothing to write');
    const [isDone, isStopped] = await Promise.all([
      user.store.replace([{ ...done, output: '"done"' }]),
      user.store.replace([{ ...stopped, output: '"stopped"' }]),
    ]);
    expect([isDone, isStopped].flat().toSorted()).toEqual([false, true]);
    const winner = isDone[0] ? done : stopped;
    expect(await user.find('task-1')).toEqual(winner.task);
    expect(await user.store.findAttempts('task-1')).toEqual([winner.ended]);
    expect(await user.store.findOutput('task-1')).toBe(isDone[0] ? '"done"' : '"stopped"');
  });

  it('lets one of many writes of the same revision through, over and over', async () => {
    const user = await start();
    await user.add({});
    let held = await user.takeOne();
    for (let round = 0; round < 20; round++) {
      const beats = [1, 2, 3, 4, 5].map((percent) =>
        heartbeat(held, { leaseId: held.lease.id, progress: { percent } }, user.now),
      );
      const answers = await Promise.all(beats.map((task) => user.store.replace([{ task }])));
      expect(answers.flat().filter(Boolean)).toHaveLength(1);
      held = asProcessing(await user.store.find('task-1'));
      expect(held).toEqual(beats[answers.findIndex(([isWritten]) => isWritten)]);
    }
  });

  it('writes many tasks in one call, each by its own revision', async () => {
    const user = await start();
    const [a, b, c] = await user.add({ id: 'a' }, { id: 'b' }, { id: 'c' });
    await user.write(cancel(b, 'first', user.now));
    const transitions = [a, b, c, a]
      .map((task) => cancel(task, 'second', user.now))
      .filter((transition) => transition !== undefined);
    expect(await user.store.replace(transitions)).toEqual([true, false, true, false]);
    expect(await user.find('a')).toEqual(transitions[0]?.task);
    expect(await user.find('b')).toMatchObject({ reason: 'first' });
    expect(await user.find('c')).toEqual(transitions[2]?.task);
  });

  it('shows all changes of a call or none', async () => {
    const user = await start();
    const items = Array.from({ length: 1_000 }, (_, index) => user.newTask({ id: `task-${index}` }));
    await user.store.insert(items);
    const transitions = items.flatMap(({ transition }) => cancel(transition.task, undefined, user.now) ?? []);
    let isDone = false;
    const changing = user.store.replace(transitions).finally(() => (isDone = true));
    const seen = new Set<number>();
    while (!isDone) {
      seen.add((await user.store.views.countQueue('default'))?.counts.queued ?? 0);
      await new Promise(setImmediate);
    }
    expect(await changing).toEqual(Array(1_000).fill(true));
    expect([...seen].filter((queued) => queued !== 0 && queued !== 1_000)).toEqual([]);
  });

  it('keeps the attempts in order, also more than nine', async () => {
    const user = await start();
    await user.add({ maxAttempts: 12 });
    const steps = [];
    for (let attempt = 1; attempt <= 12; attempt++) {
      await user.fail(await user.takeOne({ workerId: `w${attempt}` }), `error ${attempt}`, 0);
      user.clock.advance(10);
      steps.push({ attempt, error: `error ${attempt}`, workerId: `w${attempt}`, outcome: 'failed' });
    }
    expect(await user.store.findAttempts('task-1')).toMatchObject(steps);
    await user.harness.reopen();
    expect(await user.store.findAttempts('task-1')).toMatchObject(steps);
  });

  it('keeps the record of a lost attempt when its worker reports late', async () => {
    const user = await start();
    await user.add({});
    const held = await user.takeOne({ lease: 10 });
    user.clock.advance(10_000);
    await user.tick(held);
    user.clock.advance(1_000);
    const late = complete(await user.find('task-1'), {}, user.now);
    await user.write(late);
    const attempts = await user.store.findAttempts('task-1');
    expect(attempts.map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
      [1, 'lost'],
      [1, 'completed'],
    ]);
  });

  it('keeps the output through later writes', async () => {
    const user = await start();
    await user.add({});
    const held = await user.takeOne();
    const stopped = cancel(held, undefined, user.now);
    const again = await user.redrive(await user.write(stopped, '"partial"'));
    expect(await user.store.findOutput('task-1')).toBe('"partial"');
    await user.takeOne();
    expect(again.state).toBe('queued');
    expect(await user.store.findOutput('task-1')).toBe('"partial"');
    await user.complete(await user.find('task-1'), '"whole"');
    expect(await user.store.findOutput('task-1')).toBe('"whole"');
  });

  it('does not let a claim and a write of the same task both win', async () => {
    const user = await start();
    for (let round = 0; round < 20; round++) {
      const id = `t${round}`;
      const [task] = await user.add({ id });
      const transition = cancel(task, undefined, user.now);
      if (!transition) throw new Error('Nothing to write');
      const write = () => user.store.replace([transition]);
      const [one, other] = await Promise.all(round % 2 ? [write(), user.take()] : [user.take(), write()]);
      const [isCancelled, claimed] = (round % 2 ? [one[0], other] : [other[0], one]) as [boolean, unknown[]];
      expect(claimed).toHaveLength(isCancelled ? 0 : 1);
      expect((await user.find(id)).state).toBe(isCancelled ? 'cancelled' : 'processing');
    }
  });
}
