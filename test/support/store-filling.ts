import { cancel, heartbeat } from '../../src/task/task.machine.js';
import type { StoreUser } from './store-user.js';

/** Tasks in every state, in three queues, with outputs, attempts, heartbeats and deadlines. */
export async function fillWithEverything(user: StoreUser): Promise<void> {
  await user.add({ id: 'expired', queue: 'a', ttl: 1, priority: 9 });
  user.clock.advance(1_000);
  await user.add({ id: 'completed', queue: 'a' }, { id: 'failed', queue: 'a' }, { id: 'held', queue: 'a' });
  const first = await user.takeOne({ queues: ['a'] });
  user.clock.advance(1);
  await user.complete(first, '{"output":[]}');
  user.clock.advance(1);
  await user.fail(await user.takeOne({ queues: ['a'] }), 'exit 1');
  const held = await user.takeOne({ queues: ['a'], claimId: 'claim', lease: 99 });
  const beat = { leaseId: held.lease.id, progress: { percent: 50, message: 'half' }, extend: 200 };
  await user.store.replace([{ task: heartbeat(held, beat, user.now) }]);
  for (const [index, priority] of [1, 3, -2, 3, 1].entries()) {
    user.clock.advance(10);
    await user.add({ id: `queued-${index}`, queue: 'b', priority, ttl: 500 + index });
  }
  const [cancelled] = await user.add(
    { id: 'cancelled', queue: 'b', batchId: 'x' },
    { id: 'delayed', delay: 77 },
  );
  await user.write(cancel(cancelled, 'because', user.now));
  await user.release(await user.takeOne({ queues: ['b'] }));
}

/**
 * Two tasks that are queued and one of them claimed; beside that all that is no transition: a heartbeat, a refused write,
 * a repeated insert and claim, an empty claim, a removal and a clear.
 */
export async function doMoreThanTransitions(user: StoreUser): Promise<void> {
  const [read] = await user.add({ id: 'a' });
  await user.add({ id: 'b' });
  const held = await user.takeOne({ claimId: 'c' });
  await user.store.replace([{ task: heartbeat(held, { leaseId: held.lease.id }, user.now) }]);
  const late = cancel(read, undefined, user.now);
  await user.store.replace(late ? [late] : []);
  await user.store.insert([user.newTask({ id: 'a' })]);
  await user.take({ claimId: 'c' });
  await user.take({ queues: ['empty'] });
  await user.store.remove([await user.find('b')]);
  await user.store.clear({});
}
