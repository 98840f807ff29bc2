import { StoreFeed } from '../../support/store-feed.js';
import type { StartStore } from '../../support/store-harness.js';
import { asProcessing } from '../../support/store-user.js';
import { cancel, complete } from '../../../src/task/task.machine.js';
import type { CommittedTransition } from '../../../src/storage/transitions.js';
import { doMoreThanTransitions } from '../../support/store-filling.js';

function isIncreasing(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? NaN));
}

export function describeFeed(start: StartStore): void {
  it('tells every transition of a task once, in order, as it was written', async () => {
    const user = await start();
    const feed = new StoreFeed(user.store);
    const item = user.newTask({ maxAttempts: 2 });
    await user.store.insert([item]);
    await user.fail(await user.takeOne(), 'once', 0);
    const held = await user.takeOne();
    user.clock.advance(5);
    const transition = complete(held, { leaseId: held.lease.id }, user.now);
    await user.write(transition, '"output"');
    await feed.settle(user);
    expect(feed.lines).toEqual([
      'task-1 queued 1',
      'task-1 processing 2',
      'task-1 retrying 3',
      'task-1 processing 4',
      'task-1 completed 5',
    ]);
    expect(feed.told[0]).toEqual({ ...item.transition, id: expect.any(Number) });
    expect(feed.told[2]?.ended).toMatchObject({ attempt: 1, outcome: 'failed', error: 'once' });
    expect(feed.told[3]).toMatchObject({ task: held, type: 'processing', at: held.startedAt });
    expect(feed.told[4]).toMatchObject({ ...transition });
  });

  it('does not tell heartbeats, refusals, repetitions, removals and clears', async () => {
    const user = await start();
    const feed = new StoreFeed(user.store);
    await doMoreThanTransitions(user);
    await feed.settle(user);
    expect(feed.lines).toEqual(['a queued 1', 'b queued 1', 'a processing 2']);
  });

  it('tells everything that one call did', async () => {
    const user = await start();
    const feed = new StoreFeed(user.store);
    const tasks = await user.add(...Array.from({ length: 50 }, (_, index) => ({ id: `t${index}` })));
    await user.take({ max: 20 });
    const transitions = tasks.slice(20).map((task) => cancel(task, undefined, user.now));
    await user.store.replace(transitions.filter((transition) => transition !== undefined));
    await feed.settle(user);
    expect(feed.told).toHaveLength(100);
    expect(feed.told.filter(({ type }) => type === 'processing')).toHaveLength(20);
    expect(feed.told.filter(({ type }) => type === 'cancelled')).toHaveLength(30);
  });

  it('tells what can be read already', async () => {
    const user = await start();
    const reads: Promise<void>[] = [];
    const { store } = user;
    const check = async ({ task }: CommittedTransition): Promise<void> => {
      const found = await store.find(task.spec.id);
      expect(found?.revision).toBeGreaterThanOrEqual(task.revision);
    };
    store.onCommit((transitions) => {
      for (const transition of transitions) {
        const read = check(transition);
        // Asked about below; until then nobody waits for it, and the last one may fail.
        read.catch(() => undefined);
        reads.push(read);
      }
    });
    const feed = new StoreFeed(store);
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        await user.add({ id: `t${index}` });
        await user.complete(await user.takeOne());
      }),
    );
    await feed.settle(user);
    // The sentinel of `settle` is taken out again, perhaps before it is looked up.
    expect(reads.length).toBe(61);
    await Promise.all(reads.slice(0, 60));
  });

  it('counts the ids up, over all tasks and across restarts', async () => {
    const user = await start();
    const feed = new StoreFeed(user.store);
    await user.add({ id: 'a' }, { id: 'b' });
    await user.take({ max: 2 });
    await user.harness.reopen();
    feed.listenTo(user.store);
    await user.add({ id: 'c' });
    await feed.settle(user);
    await user.store.clear({});
    await user.harness.reopen();
    feed.listenTo(user.store);
    await user.add({ id: 'd' });
    await feed.settle(user);
    expect(feed.told).toHaveLength(6);
    expect(isIncreasing(feed.told.map(({ id }) => id))).toBe(true);
  });

  it('has told everything acknowledged when the store is closed', async () => {
    const user = await start();
    const feed = new StoreFeed(user.store);
    const under = user.store.insert(['a', 'b', 'c'].map((id) => user.newTask({ id })));
    await user.store.close();
    await under;
    expect(feed.lines).toEqual(['a queued 1', 'b queued 1', 'c queued 1']);
  });

  it('tells nothing again after a restart', async () => {
    const user = await start();
    await user.add({ id: 'a' });
    await user.takeOne();
    const feed = new StoreFeed(await user.harness.reopen());
    await feed.settle(user);
    expect(feed.told).toEqual([]);
  });

  it('tells every listener', async () => {
    const user = await start();
    const [one, other] = [new StoreFeed(user.store), new StoreFeed(user.store)];
    await user.add({ id: 'a' });
    await user.complete(asProcessing((await user.take())[0]));
    await one.settle(user);
    expect(one.lines).toEqual(['a queued 1', 'a processing 2', 'a completed 3']);
    expect(other.lines.slice(0, 3)).toEqual(one.lines);
  });

  it('keeps the order of each task and queue when many callers write at once', async () => {
    const user = await start();
    const feed = new StoreFeed(user.store);
    const ids = Array.from({ length: 40 }, (_, index) => `t${index}`);
    await Promise.all(
      ids.map(async (id) => {
        await user.add({ id, queue: id, maxInterruptions: 9 });
        for (let round = 0; round < 3; round++) await user.release(await user.takeOne({ queues: [id] }));
      }),
    );
    await feed.settle(user);
    for (const id of ids) {
      expect(feed.of(id).map(({ task }) => task.sequence)).toEqual([1, 2, 3, 4, 5, 6, 7]);
      expect(isIncreasing(feed.of(id).map((told) => told.id))).toBe(true);
    }
  });
}
