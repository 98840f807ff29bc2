import type { StartStore } from '../../support/store-harness.js';
import { asProcessing } from '../../support/store-user.js';
import { cancel } from '../../../src/task/task.machine.js';

const KIB = 1024;

export function describeRetention(start: StartStore): void {
  it('keeps as many ended tasks as allowed and makes the oldest due beyond', async () => {
    const user = await start({ retentionMaxTasks: 3 });
    for (const id of ['e', 'd', 'c']) await user.end(id);
    expect(await user.dueIds()).toEqual([]);
    expect(await user.store.untilDue()).toBeGreaterThan(0);
    await user.end('b');
    expect(await user.dueIds()).toEqual(['e']);
    expect(await user.store.untilDue()).toBe(0);
    await user.end('a');
    expect(await user.dueIds()).toEqual(['d', 'e']);
    expect(await user.store.due(1)).toHaveLength(1);
    await user.store.remove([await user.find('e')]);
    expect(await user.dueIds()).toEqual(['d']);
    await user.store.remove([await user.find('d')]);
    expect(await user.dueIds()).toEqual([]);
    expect(await user.store.untilDue()).toBeGreaterThan(0);
  });

  it('counts the bytes of finished attempts', async () => {
    const user = await start({ retentionMaxBytes: 64 * KIB });
    await user.add({ id: 'a', maxAttempts: 9 }, { id: 'b', maxAttempts: 9 });
    const error = 'x'.repeat(9 * KIB);
    for (const id of ['a', 'b']) {
      for (let attempt = 1; attempt <= 3; attempt += 1) {
        user.clock.advance(1);
        await user.fail(await user.takeOne(), error, 0);
      }
      user.clock.advance(1);
      await user.complete(await user.takeOne());
      expect((await user.find(id)).state).toBe('completed');
    }
    expect(await user.dueIds()).toEqual([]);
    await user.add({ id: 'c', maxAttempts: 9 });
    user.clock.advance(1);
    await user.fail(await user.takeOne(), error, 0);
    user.clock.advance(1);
    await user.complete(await user.takeOne());
    expect(await user.dueIds()).toEqual(['a']);
    await user.harness.reopen();
    expect(await user.dueIds()).toEqual(['a']);
    await user.store.remove([await user.find('a')]);
    expect(await user.dueIds()).toEqual([]);
  });

  it('goes by the time of the end, not of the enqueue', async () => {
    const user = await start({ retentionMaxTasks: 1 });
    await user.add({ id: 'old' }, { id: 'young' });
    const [old, young] = await user.take({ max: 2 });
    user.clock.advance(1);
    await user.complete(asProcessing(young));
    user.clock.advance(1);
    await user.complete(asProcessing(old));
    expect(await user.dueIds()).toEqual(['young']);
  });

  it('counts every ended state and no other', async () => {
    const user = await start({ retentionMaxTasks: 3 });
    await user.end('completed');
    await user.add({ id: 'failed' });
    user.clock.advance(1);
    await user.fail(await user.takeOne());
    await user.add({ id: 'expired', ttl: 1 });
    user.clock.advance(1_000);
    await user.take();
    await user.add({ id: 'held', queue: 'q' });
    await user.takeOne({ queues: ['q'] });
    const [cancelled] = await user.add(
      { id: 'cancelled' },
      { id: 'queued', queue: 'r' },
      { id: 'delayed', delay: 9 },
    );
    expect(await user.dueIds()).toEqual([]);
    user.clock.advance(1);
    await user.write(cancel(cancelled, undefined, user.now));
    expect(await user.dueIds()).toEqual(['completed']);
  });

  it('no longer counts a task that was redriven', async () => {
    const user = await start({ retentionMaxTasks: 1 });
    const [a] = await user.add({ id: 'a' });
    const cancelled = await user.write(cancel(a, undefined, user.now));
    await user.end('b');
    expect(await user.dueIds()).toEqual(['a']);
    await user.redrive(cancelled);
    expect(await user.dueIds()).toEqual([]);
    await user.end('c');
    expect(await user.dueIds()).toEqual(['b']);
  });

  it('no longer counts what was cleared', async () => {
    const user = await start({ retentionMaxTasks: 1 });
    await user.end('a');
    await user.end('b');
    await user.store.clear({ states: ['completed'] });
    await user.end('c');
    expect(await user.dueIds()).toEqual([]);
  });

  it('counts what ended by its time once', async () => {
    const user = await start({ retention: 10, retentionMaxTasks: 1 });
    await user.end('a');
    await user.end('b');
    user.clock.advance(10_000);
    expect(await user.dueIds()).toEqual(['a', 'b']);
    expect(await user.store.due(100)).toHaveLength(2);
  });

  it('keeps none when none are allowed', async () => {
    const user = await start({ retentionMaxTasks: 0 });
    await user.end('a');
    expect(await user.dueIds()).toEqual(['a']);
  });

  it('counts the bytes of payloads', async () => {
    const user = await start({ retentionMaxBytes: 350 * KIB });
    for (const id of ['e', 'd', 'c']) await user.end(id, { payload: 'x'.repeat(100 * KIB) });
    expect(await user.dueIds()).toEqual([]);
    for (const id of ['b', 'a']) await user.end(id, { payload: 'x'.repeat(100 * KIB) });
    expect(await user.dueIds()).toEqual(['d', 'e']);
    expect(await user.store.untilDue()).toBe(0);
    await user.harness.reopen();
    expect(await user.dueIds()).toEqual(['d', 'e']);
    await user.store.remove([await user.find('e'), await user.find('d')]);
    expect(await user.dueIds()).toEqual([]);
  });

  it('counts the bytes of outputs', async () => {
    const user = await start({ retentionMaxBytes: 250 * KIB });
    for (const id of ['c', 'b', 'a']) await user.end(id, { output: `"${'x'.repeat(100 * KIB)}"` });
    expect(await user.dueIds()).toEqual(['c']);
    await user.harness.reopen();
    expect(await user.dueIds()).toEqual(['c']);
  });

  it('counts the bytes of records', async () => {
    const user = await start({ retentionMaxBytes: 40 * KIB });
    const specs = Array.from({ length: 1_000 }, (_, index) => ({
      id: `t${index}`,
      traceparent: 'x'.repeat(100),
    }));
    const tasks = await user.add(...specs);
    const transitions = tasks
      .map((task) => cancel(task, undefined, user.now))
      .filter((transition) => transition !== undefined);
    await user.store.replace(transitions);
    expect((await user.dueIds()).length).toBeGreaterThan(500);
  });

  it('counts bytes, not characters', async () => {
    const user = await start({ retentionMaxBytes: 250 * KIB });
    for (const id of ['c', 'b', 'a']) await user.end(id, { payload: 'é'.repeat(50 * KIB) });
    expect(await user.dueIds()).toEqual(['c']);
  });

  it('does not count the bytes of tasks that have not ended', async () => {
    const user = await start({ retentionMaxBytes: 250 * KIB });
    await user.addWith('x'.repeat(1024 * KIB), { id: 'waiting' });
    await user.end('a', { payload: 'x'.repeat(100 * KIB) });
    const [b] = await user.add({ id: 'b' });
    await user.redrive(await user.write(cancel(b, undefined, user.now), 'x'.repeat(200 * KIB)));
    expect(await user.dueIds()).toEqual([]);
  });

  it('makes one task due that alone is too large', async () => {
    const user = await start({ retentionMaxBytes: 50 * KIB });
    await user.end('small');
    await user.end('large', { payload: 'x'.repeat(100 * KIB) });
    expect(await user.dueIds()).toEqual(['large', 'small']);
  });

  it('is the same after the store was opened again', async () => {
    const user = await start({ retentionMaxTasks: 2 });
    await user.add({ id: 'old' });
    const old = await user.takeOne();
    for (const id of ['b', 'a']) await user.end(id);
    user.clock.advance(1);
    await user.complete(old);
    await user.harness.reopen();
    expect(await user.dueIds()).toEqual(['b']);
    await user.end('c');
    expect(await user.dueIds()).toEqual(['a', 'b']);
  });
}
