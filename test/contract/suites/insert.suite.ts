import { contentsOf, totalOf } from '../../support/store-contents.js';
import type { StartStore } from '../../support/store-harness.js';
import { payloadOf } from '../../support/store-user.js';

export function describeInsert(start: StartStore): void {
  it('keeps every task of one call', async () => {
    const user = await start();
    const items = [
      user.newTask({ id: 'one' }),
      user.newTask({ id: 'two', delay: 5 }),
      user.newTask({ id: 'three', queue: 'other', priority: -7, ttl: 60 }),
    ];
    expect(await user.store.insert(items)).toEqual([undefined, undefined, undefined]);
    for (const { transition, payload } of items) {
      expect(await user.store.find(transition.task.spec.id)).toEqual(transition.task);
      expect(await user.store.findPayload(transition.task.spec.id)).toBe(payload);
    }
  });

  it('accepts an empty call', async () => {
    const { store } = await start();
    expect(await store.insert([])).toEqual([]);
  });

  it('keeps every field of the spec', async () => {
    const user = await start();
    const [task] = await user.add({
      id: `A.b_c:d-${'9'.repeat(119)}`,
      queue: 'a-queue.of_its:own',
      priority: -1000,
      language: 'c++',
      engine: '\u0000\n"\\',
      timeout: 0.125,
      maxAttempts: 7,
      maxInterruptions: 0,
      backoff: { type: 'fixed', delay: 0.1, maxDelay: 1e9, jitter: 0.3 },
      runAt: user.now.wall + 1234.5,
      expiresAt: user.now.wall + 99_999.25,
      batchId: 'batch',
      hasMetadata: true,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
    expect(await user.store.find(task.spec.id)).toEqual(task);
  });

  it('keeps the first of several with one id and answers it to the later ones', async () => {
    const user = await start();
    const first = user.newTask({ id: 'same', priority: 5 }, '"code":"first"');
    const second = user.newTask({ id: 'same', priority: 9 }, '"code":"second"');
    const other = user.newTask({ id: 'other' });
    const answers = await user.store.insert([first, second, other, first]);
    expect(answers).toEqual([undefined, first.transition.task, undefined, first.transition.task]);
    expect(await user.store.find('same')).toEqual(first.transition.task);
    expect(await user.store.findPayload('same')).toBe('"code":"first"');
    expect(await totalOf(user.store)).toBe(2);
  });

  it('answers an existing task as it is now and changes nothing', async () => {
    const user = await start();
    await user.addWith('"code":"old"', { id: 'known' });
    await user.add({ id: 'behind' });
    const held = await user.takeOne();
    const before = await contentsOf(user.store);
    const again = user.newTask({ id: 'known', queue: 'elsewhere', priority: 9 }, '"code":"new"');
    expect(await user.store.insert([again])).toEqual([held]);
    expect(await contentsOf(user.store)).toEqual(before);
  });

  it('inserts the new ones next to existing ones', async () => {
    const user = await start();
    const [known] = await user.add({ id: 'known' });
    const items = ['new-1', 'known', 'new-2'].map((id) => user.newTask({ id }));
    expect(await user.store.insert(items)).toEqual([undefined, known, undefined]);
    expect((await user.list()).map(({ spec }) => spec.id)).toEqual(['new-2', 'new-1', 'known']);
  });

  it('accepts an id once when many callers send it at once', async () => {
    const user = await start();
    const items = Array.from({ length: 20 }, (_, index) =>
      user.newTask({ id: 'same', priority: index }, `"code":"${index}"`),
    );
    const answers = (await Promise.all(items.map((item) => user.store.insert([item])))).flat();
    expect(answers).toHaveLength(20);
    const winner = items[answers.indexOf(undefined)];
    expect(answers.filter((answer) => answer === undefined)).toHaveLength(1);
    expect(answers.filter((answer) => answer !== undefined)).toEqual(Array(19).fill(winner?.transition.task));
    expect(await user.store.findPayload('same')).toBe(winner?.payload);
    expect(await totalOf(user.store)).toBe(1);
  });

  it('shows all tasks of a call or none', async () => {
    const user = await start();
    const items = Array.from({ length: 1_000 }, (_, index) => user.newTask({ id: `task-${index}` }));
    let isDone = false;
    const inserting = user.store.insert(items).finally(() => (isDone = true));
    const seen = new Set<number>();
    while (!isDone) {
      seen.add(await totalOf(user.store));
      await new Promise(setImmediate);
    }
    await inserting;
    expect([...seen].filter((total) => total !== 0 && total !== 1_000)).toEqual([]);
    expect(await totalOf(user.store)).toBe(1_000);
  });

  it('tells ids apart that begin alike', async () => {
    const user = await start();
    const ids = ['t', 'T', 't1', 't:', 't:1', 't.1', 't:1:output', 't:attempt:1', 'constructor', 'toString'];
    for (const id of ids) {
      await user.add({ id });
      await user.complete(await user.takeOne(), `"output of ${id}"`);
    }
    await user.store.remove([await user.find('t:')]);
    for (const id of ids.filter((each) => each !== 't:')) {
      expect((await user.find(id)).spec.id).toBe(id);
      expect(await user.store.findPayload(id)).toBe(payloadOf(id));
      expect(await user.store.findOutput(id)).toBe(`"output of ${id}"`);
      expect(await user.store.findAttempts(id)).toHaveLength(1);
    }
  });

  it('keeps queues apart whatever their names', async () => {
    const user = await start();
    const queues = [
      'a',
      'A',
      'a:b',
      'a:',
      '__proto__',
      'constructor',
      ' ',
      'é',
      '日本',
      'å日',
      '🙂',
      'q'.repeat(300),
    ];
    for (const queue of queues) await user.add({ id: `in-${queues.indexOf(queue)}`, queue });
    await user.harness.reopen();
    expect(new Set((await user.store.views.counts()).map(({ queue }) => queue))).toEqual(new Set(queues));
    for (const queue of queues) {
      const task = await user.takeOne({ queues: [queue], max: 2 });
      expect(task.spec.queue).toBe(queue);
    }
  });

  it('knows nothing of a task that was never inserted', async () => {
    const { store } = await start();
    expect(await store.find('nobody')).toBeUndefined();
    expect(await store.findPayload('nobody')).toBeUndefined();
    expect(await store.findOutput('nobody')).toBeUndefined();
    expect(await store.findAttempts('nobody')).toEqual([]);
  });
}
