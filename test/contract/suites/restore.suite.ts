import { keptTasks } from '../../support/kept-tasks.js';
import { contentsOf } from '../../support/store-contents.js';
import { StoreFeed } from '../../support/store-feed.js';
import { fillWithEverything } from '../../support/store-filling.js';
import type { StartStore } from '../../support/store-harness.js';
import { asProcessing, idsOf } from '../../support/store-user.js';

export function describeRestore(start: StartStore): void {
  it('takes over tasks in every state with all that belongs to them', async () => {
    const [source, target] = [await start(), await start()];
    await fillWithEverything(source);
    const kept = await keptTasks(source.store);
    target.clock.advance(source.now.wall - target.now.wall);
    expect(await target.store.restore(kept)).toEqual(kept.map(() => true));
    const expected = await contentsOf(source.store);
    expect(await contentsOf(target.store)).toEqual(expected);
    await target.harness.reopen();
    expect(await contentsOf(target.store)).toEqual(expected);
  });

  it('lets life go on as it would have in the other store', async () => {
    const [source, target] = [await start(), await start()];
    await fillWithEverything(source);
    target.clock.advance(source.now.wall - target.now.wall);
    await target.store.restore(await keptTasks(source.store));
    const held = asProcessing(await target.find('held'));
    expect(await target.take({ queues: ['c'], claimId: 'claim' })).toEqual([held]);
    await target.add({ id: 'queued-5', queue: 'b', priority: 3 });
    expect(idsOf(await target.take({ queues: ['b'], max: 4 }))).toEqual([
      'queued-1',
      'queued-3',
      'queued-5',
      'queued-0',
    ]);
    await target.complete(held, '"done"');
    expect(await target.store.findAttempts('held')).toHaveLength(1);
    const failed = await target.redrive(await target.find('failed'));
    await target.fail(await target.takeOne({ queues: ['a'] }), 'again');
    expect(failed.attempt).toBe(1);
    expect((await target.store.findAttempts('failed')).map(({ error }) => error)).toEqual([
      'exit 1',
      'again',
    ]);
  });

  it('leaves alone what is here already, also in another queue, and is safe to repeat', async () => {
    const [source, target] = [await start(), await start()];
    await source.add({ id: 'a' }, { id: 'b' }, { id: 'c' });
    await target.add({ id: 'a', priority: 7 }, { id: 'b', queue: 'other' });
    const kept = await keptTasks(source.store);
    const [a, b] = [await target.find('a'), await target.find('b')];
    expect(await target.store.restore(kept)).toEqual([false, false, true]);
    expect([await target.find('a'), await target.find('b')]).toEqual([a, b]);
    const after = await contentsOf(target.store);
    expect(await target.store.restore(kept)).toEqual([false, false, false]);
    expect(await target.store.restore([])).toEqual([]);
    expect(await contentsOf(target.store)).toEqual(after);
  });

  it('takes over groups with what they hold and require', async () => {
    const [source, target] = [await start(), await start()];
    const gpu = { gpu: 'yes' };
    const tasks = ['a0', 'a1', 'a2', 'b0'].map((id) => ({ id, group: id.slice(0, 1) }));
    await source.add(...tasks, { id: 'gpu', group: 'b', requires: gpu });
    const held = await source.takeOne();
    await target.store.settings.change('default', { maxConcurrencyPerGroup: 1 });
    await target.store.restore(await keptTasks(source.store));
    const [b0] = await target.take({ max: 9 });
    expect(b0?.spec.id).toBe('b0');
    expect(await target.take({ max: 9, labels: gpu })).toEqual([]);
    await target.complete(held);
    expect(idsOf(await target.take({ max: 9 }))).toEqual(['a1']);
    if (b0 !== undefined) await target.complete(b0);
    expect(await target.take({ max: 9 })).toEqual([]);
    expect(idsOf(await target.take({ max: 9, labels: gpu }))).toEqual(['gpu']);
  });

  it('tells nothing', async () => {
    const [source, target] = [await start(), await start()];
    await fillWithEverything(source);
    const feed = new StoreFeed(target.store);
    await target.store.restore(await keptTasks(source.store));
    await feed.settle(target);
    expect(feed.told).toEqual([]);
  });
}
