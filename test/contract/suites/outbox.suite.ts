import type { StartStore } from '../../support/store-harness.js';
import type { StoreUser } from '../../support/store-user.js';
import type { Outbox } from '../../../src/storage/outbox.js';
import { cancel } from '../../../src/task/task.machine.js';

function outboxOf({ store: { outbox } }: StoreUser): Outbox {
  if (outbox === undefined) throw new Error('This store keeps no notices');
  return outbox;
}

/** Whom, of what. */
async function told(user: StoreUser, limit = 9): Promise<readonly (readonly string[])[]> {
  const entries = await outboxOf(user).oldest(limit);
  return entries.map(({ to, event }) => {
    const { type, eval_id: id } = JSON.parse(event) as { type: string; eval_id: string };
    return [to, type, id];
  });
}

/** What stores promise of those who have to be told. */
export function describeOutbox(start: StartStore): void {
  it('has the end of a task that names an address, and nothing else', async () => {
    const user = await start();
    await user.add({ id: 'plain' }, { id: 'a', callbackUrl: 'https://a.example/x' });
    await user.complete(await user.takeOne());
    await user.release(await user.takeOne());
    expect(await told(user)).toEqual([]);
    await user.complete(await user.takeOne());
    expect(await told(user)).toEqual([['https://a.example/x', 'completed', 'a']]);
  });

  it('keeps notices until they are taken on, the oldest of a queue first', async () => {
    const user = await start();
    for (const id of ['a', 'b', 'c']) await user.add({ id, callbackUrl: `https://${id}.example` });
    for (const id of ['b', 'a', 'c']) await user.write(cancel(await user.find(id), undefined, user.now));
    const [b, a, c] = ['b', 'a', 'c'].map((id) => [`https://${id}.example`, 'cancelled', id]);
    expect(await told(user, 2)).toEqual([b, a]);
    const [, second] = await outboxOf(user).oldest(2);
    await outboxOf(user).remove(second ? [second] : []);
    expect(await told(user)).toEqual([b, c]);
    await user.harness.reopen();
    expect(await told(user)).toEqual([b, c]);
    await user.harness.crash();
    await outboxOf(user).remove(await outboxOf(user).oldest(9));
    expect(await told(user)).toEqual([]);
  });
}
