import { idsOf } from '../../support/store-user.js';
import type { StartStore } from '../../support/store-harness.js';
import { SeededRandom } from '../../support/store-random.js';
import type { StoreUser } from '../../support/store-user.js';
import { cancel, release } from '../../../src/task/task.machine.js';

export function describeFairness(start: StartStore): void {
  it('lets groups take turns, each by age', async () => {
    const user = await start();
    await addGroups(user, 'aaaabbc');
    expect(await groupsTaken(user, 7)).toBe('abcabaa');
  });

  it('hands out the last task of a small group within its share of the claims', async () => {
    const user = await start();
    for (let added = 0; added < 10_000; added += 1_000) {
      const large = Array.from({ length: 1_000 }, (_, index) => ({
        id: `l${added + index}`,
        group: 'large',
      }));
      await user.add(...large);
    }
    await user.add(...Array.from({ length: 10 }, (_, index) => ({ id: `s${index}`, group: 'small' })));
    const taken: string[] = [];
    for (let claims = 0; claims < 25; claims += 1) taken.push((await user.takeOne()).spec.id);
    expect(taken.slice(0, 20).filter((id) => id.startsWith('l'))).toHaveLength(10);
    expect(taken.indexOf('s9')).toBe(19);
  });

  it('counts the tasks without a group as one group', async () => {
    const user = await start();
    await user.add(
      { id: 'n0' },
      { id: 'n1' },
      { id: 'a0', group: 'a' },
      { id: 'n2' },
      { id: 'a1', group: 'a' },
    );
    expect(idsOf(await user.take({ max: 5 }))).toEqual(['n0', 'a0', 'n1', 'a1', 'n2']);
  });

  it('puts a group that comes, or comes again, at the end of the round', async () => {
    const user = await start();
    await addGroups(user, 'aabb');
    expect(await groupsTaken(user, 1)).toBe('a');
    await user.add({ id: 'c0', group: 'c' });
    expect(await groupsTaken(user, 3)).toBe('bac');
    await user.add({ id: 'c1', group: 'c' }, { id: 'b9', group: 'b' });
    expect(await groupsTaken(user, 3)).toBe('bcb');
  });

  it('takes turns within a priority, whatever turns there are at others', async () => {
    const user = await start();
    await user.add(
      { id: 'low-a', group: 'a', priority: 0 },
      { id: 'low-b', group: 'b', priority: 0 },
      { id: 'low-a2', group: 'a', priority: 0 },
      { id: 'high-a', group: 'a', priority: 5 },
      { id: 'high-a2', group: 'a', priority: 5 },
      { id: 'high-b', group: 'b', priority: 5 },
    );
    expect(idsOf(await user.take({ max: 6 }))).toEqual([
      ...['high-a', 'high-b', 'high-a2'],
      ...['low-a', 'low-b', 'low-a2'],
    ]);
  });

  it('keeps the age of a task that comes back, within its group', async () => {
    const user = await start();
    await addGroups(user, 'aaabb');
    const first = await user.takeOne();
    await user.release(first);
    expect(idsOf(await user.take({ max: 5 }))).toEqual(['b3', 'a0', 'b4', 'a1', 'a2']);
  });

  it('passes over what has expired without a turn', async () => {
    const user = await start();
    await user.add({ id: 'late', group: 'a', ttl: 1 }, { id: 'a', group: 'a' }, { id: 'b', group: 'b' });
    await user.add({ id: 'a2', group: 'a' });
    user.clock.advance(1_000);
    expect(idsOf(await user.take())).toEqual(['a']);
    expect((await user.find('late')).state).toBe('expired');
    expect(idsOf(await user.take({ max: 3 }))).toEqual(['b', 'a2']);
  });

  it('is no different for a queue whose tasks are all of one group', async () => {
    const user = await start();
    await addGroups(user, 'aaaa');
    expect(idsOf(await user.take({ max: 4 }))).toEqual(['a0', 'a1', 'a2', 'a3']);
  });

  it('hands a task only to a worker that offers what it requires', async () => {
    const user = await start();
    await user.add(
      { id: 'both', requires: { gpu: 'a100', os: 'linux' } },
      { id: 'gpu', requires: { gpu: 'a100' } },
      { id: 'any' },
    );
    expect(idsOf(await user.take({ labels: { gpu: 'h100', os: 'linux' }, max: 3 }))).toEqual(['any']);
    expect(await user.take({ max: 3 })).toEqual([]);
    expect(idsOf(await user.take({ labels: { gpu: 'a100' }, max: 3 }))).toEqual(['gpu']);
    const taken = await user.takeOne({ labels: { zone: 'x', os: 'linux', gpu: 'a100' }, max: 3 });
    expect(taken.spec).toMatchObject({ id: 'both', requires: { gpu: 'a100', os: 'linux' } });
    expect((await user.find('both')).spec.requires).toEqual({ gpu: 'a100', os: 'linux' });
  });

  it('takes the oldest of a group that the worker may have, whatever each requires', async () => {
    const user = await start();
    await user.add(
      { id: 'a-gpu', group: 'a', requires: { gpu: 'x' } },
      { id: 'a-any', group: 'a' },
      { id: 'b-any', group: 'b' },
      { id: 'a-gpu2', group: 'a', requires: { gpu: 'x' } },
    );
    const labels = { gpu: 'x' };
    expect(idsOf(await user.take({ labels, max: 4 }))).toEqual(['a-gpu', 'b-any', 'a-any', 'a-gpu2']);
  });

  it('gives one task back and cancels another of its group, whose requirements differ, in one step', async () => {
    const user = await start();
    const gpu = { id: 'gpu', group: 'a', requires: { gpu: 'x' } };
    const [, any] = await user.add(gpu, { id: 'any', group: 'a' }, { id: 'other', group: 'b' });
    const held = await user.takeOne({ labels: { gpu: 'x' } });
    const transitions = [
      release(held, { leaseId: held.lease.id }, user.now),
      cancel(any, undefined, user.now),
    ].filter((transition) => transition !== undefined);
    expect(await user.store.replace(transitions)).toEqual([true, true]);
    expect(idsOf(await user.take({ max: 3 }))).toEqual(['other']);
    expect(idsOf(await user.take({ labels: { gpu: 'x' }, max: 2 }))).toEqual(['gpu']);
  });

  it('says after how many claims a task comes at the latest', async () => {
    const user = await start();
    const tasks = await addGroups(user, 'aaabbc');
    const positions = () => Promise.all(tasks.map((task) => user.store.views.position(task)));
    expect(await positions()).toEqual([3, 6, 6, 3, 6, 3]);
    await user.add({ id: 'high', priority: 9, group: 'z' });
    expect(await positions()).toEqual([4, 7, 7, 4, 7, 4]);
    expect(await groupsTaken(user, 2)).toBe('za');
    expect(await positions()).toEqual([undefined, 3, 5, 3, 5, 3]);
    expect(await groupsTaken(user, 2)).toBe('bc');
    expect(await positions()).toEqual([undefined, 2, 3, undefined, 2, undefined]);
  });

  it('lists the tasks of a group', async () => {
    const user = await start();
    await addGroups(user, 'aabb');
    expect(idsOf(await user.list({ group: 'b' }))).toEqual(['b3', 'b2']);
    expect(await user.list({ group: 'c' })).toEqual([]);
  });

  it('does not count what was cancelled or removed', async () => {
    const user = await start();
    const tasks = await addGroups(user, 'abab');
    const [a0, b1, a2] = tasks;
    if (!a0 || !b1 || !a2) throw new Error('Too few tasks');
    await user.write(cancel(a0, undefined, user.now));
    expect(await user.store.remove([b1])).toEqual([true]);
    expect(await user.store.views.position(a2)).toBe(2);
    expect(await groupsTaken(user, 2)).toBe('ab');
  });

  it.each([1, 2, 3])('lets no group wait for more claims than its share (seed %i)', async (seed) => {
    const user = await start();
    const random = new SeededRandom(seed);
    /** Claims that a group with something ready has waited for its turn. */
    const waits = new Map<string, number>();
    const ready = new Map<string, number>();
    for (let round = 0; round < 200; round += 1) {
      if (random.next() < 0.5) {
        const group = `g${random.below(5)}`;
        await user.add({ id: `t${round}`, group });
        ready.set(group, (ready.get(group) ?? 0) + 1);
        continue;
      }
      const [task] = await user.take();
      const group = task?.spec.group ?? '';
      for (const [name, count] of ready) if (count > 0) waits.set(name, (waits.get(name) ?? 0) + 1);
      waits.set(group, 0);
      if (task) ready.set(group, (ready.get(group) ?? 0) - 1);
      else expect([...ready.values()].every((count) => count === 0)).toBe(true);
      // Others were served once each while it waited.
      for (const count of waits.values()) expect(count).toBeLessThan(5);
    }
  });
}

/** One task for each letter, of the group that it names. */
function addGroups(user: StoreUser, groups: string) {
  return user.add(...Array.from(groups, (group, index) => ({ id: `${group}${index}`, group })));
}

async function groupsTaken(user: StoreUser, max: number): Promise<string> {
  const taken: string[] = [];
  for (let count = 0; count < max; count += 1) taken.push((await user.takeOne()).spec.group ?? '');
  return taken.join('');
}
