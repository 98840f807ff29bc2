import { cancel } from '../../../src/task/task.machine.js';
import type { TransitionSummary } from '../../../src/storage/transitions.js';
import type { StartStore } from '../../support/store-harness.js';
import { StoreWitness } from '../../support/store-witness.js';
import { doMoreThanTransitions } from '../../support/store-filling.js';

/** What watchers see of the writes of the one store that a test has; of other processes, each driver's own tests tell. */
export function describeWatch(start: StartStore): void {
  it('shows every kind of transition, with the state that it leads to, in order', async () => {
    const user = await start();
    const witness = new StoreWitness(user.store);
    const runAt = user.now.wall + 1_000;
    const [delayed] = await user.add({ id: 'a', queue: 'q', runAt, maxAttempts: 2, maxInterruptions: 9 });
    user.clock.advance(1_000);
    await user.tick(delayed);
    await user.release(await user.takeOne({ queues: ['q'] }));
    const lost = await user.takeOne({ queues: ['q'], lease: 5 });
    user.clock.advance(5_000);
    await user.tick(lost);
    const retried = await user.fail(await user.takeOne({ queues: ['q'] }), 'no', 1);
    user.clock.advance(1_000);
    await user.tick(retried);
    await user.redrive(await user.fail(await user.takeOne({ queues: ['q'] })));
    await user.complete(await user.takeOne({ queues: ['q'] }));
    await witness.settle(user);
    expect(witness.statesOf('a')).toEqual([
      'delayed',
      'queued',
      ...['processing', 'queued'],
      ...['processing', 'queued'],
      ...['processing', 'delayed', 'queued'],
      ...['processing', 'failed', 'queued'],
      ...['processing', 'completed'],
    ]);
  });

  it('shows what was cancelled and what has expired, also on the way of a claim', async () => {
    const user = await start();
    const witness = new StoreWitness(user.store);
    const expiresAt = user.now.wall + 1_000;
    const [waiting, late] = await user.add({ id: 'cancelled' }, { id: 'late', queue: 'q', expiresAt });
    await user.add({ id: 'passed over', queue: 'r', expiresAt });
    await user.write(cancel(waiting, undefined, user.now));
    user.clock.advance(1_000);
    await user.tick(late);
    expect(await user.take({ queues: ['r'] })).toEqual([]);
    await witness.settle(user);
    expect(witness.statesOf('cancelled')).toEqual(['queued', 'cancelled']);
    expect(witness.statesOf('late')).toEqual(['queued', 'expired']);
    expect(witness.statesOf('passed over')).toEqual(['queued', 'expired']);
  });

  it('tells the task, its queue and its state, and nothing else', async () => {
    const user = await start();
    const witness = new StoreWitness(user.store);
    await user.add({ id: 'a', queue: 'q' });
    await witness.settle(user);
    expect(witness.seen[0]).toEqual({ id: 'a', queue: 'q', state: 'queued' });
  });

  it('does not show heartbeats, refusals, repetitions, removals and clears', async () => {
    const user = await start();
    const witness = new StoreWitness(user.store);
    await doMoreThanTransitions(user);
    await witness.settle(user);
    expect(witness.lines).toEqual(['a queued', 'b queued', 'a processing']);
  });

  it('shows everything that one call did', async () => {
    const user = await start();
    const witness = new StoreWitness(user.store);
    await user.add(...Array.from({ length: 50 }, (_, index) => ({ id: `t${index}` })));
    await user.take({ max: 20 });
    await witness.settle(user);
    expect(witness.lines.filter((line) => line.endsWith(' queued'))).toHaveLength(50);
    expect(witness.lines.filter((line) => line.endsWith(' processing'))).toHaveLength(20);
  });

  it('shows what can be read already', async () => {
    const user = await start();
    const { store } = user;
    const states: Promise<string | undefined>[] = [];
    const queue = 'nobody takes it';
    const look = async ({ id }: TransitionSummary) => (await store.find(id))?.state;
    store.watch({
      onTransitions: (transitions) =>
        void states.push(...transitions.filter((transition) => transition.queue === queue).map(look)),
      onGap: () => undefined,
    });
    const witness = new StoreWitness(store);
    const ids = Array.from({ length: 20 }, (_, index) => `t${index}`);
    await Promise.all(ids.map((id) => user.add({ id, queue })));
    await witness.settle(user);
    expect(await Promise.all(states)).toEqual(ids.map(() => 'queued'));
  });

  it('tells every watcher', async () => {
    const user = await start();
    const [one, other] = [new StoreWitness(user.store), new StoreWitness(user.store)];
    await user.add({ id: 'a' });
    await user.takeOne();
    await one.settle(user);
    await other.settle(user);
    expect([one.lines, other.lines]).toEqual([
      ['a queued', 'a processing'],
      ['a queued', 'a processing'],
    ]);
  });

  it('keeps the order of each task when many callers write at once', async () => {
    const user = await start();
    const witness = new StoreWitness(user.store);
    const ids = Array.from({ length: 40 }, (_, index) => `t${index}`);
    await Promise.all(
      ids.map(async (id) => {
        await user.add({ id, queue: id, maxInterruptions: 9 });
        for (let round = 0; round < 2; round++) await user.release(await user.takeOne({ queues: [id] }));
      }),
    );
    await witness.settle(user);
    const path = ['queued', 'processing', 'queued', 'processing', 'queued'];
    for (const id of ids) expect(witness.statesOf(id)).toEqual(path);
  });

  it('disturbs nobody while the store is there', async () => {
    const user = await start();
    const witness = new StoreWitness(user.store);
    await user.add({ id: 'a' });
    await user.complete(await user.takeOne());
    await witness.settle(user);
    expect(witness.disturbances).toBe(0);
  });
}
