import type { TaskSpec } from '../../../src/task/task.js';
import type { StartStore } from '../../support/store-harness.js';
import { SeededRandom } from '../../support/store-random.js';
import { idsOf, type StoreUser } from '../../support/store-user.js';

/** Words that stores use in their keys, and what they put between them. */
const WORDS = ['a', 'b', '1', 'counts', 'batch', 'task', 'ready', 'state', 'queued', 'claim', 'id', 'gone'];
const SEPARATORS = [':', '.', '_', '-', '::'];
/** What may be in the names of groups, labels and workers besides. */
const MORE_SEPARATORS = [...SEPARATORS, ' ', '/', '@', '+', '='];
const SEEDS = [1, 2, 3];
const TASKS = 40;

/** A name of few words, so that some are the beginning of others. */
function nameOf(random: SeededRandom, separators: readonly string[]): string {
  const [first, ...others] = Array.from({ length: 1 + random.below(3) }, () => random.pick(WORDS) ?? 'a');
  return others.reduce((name, word) => `${name}${random.pick(separators) ?? ':'}${word}`, first ?? 'a');
}

/** Tasks with names that could be mistaken for each other in keys that are made of several. */
function randomTasks(
  random: SeededRandom,
): (Partial<TaskSpec> & { id: string; queue: string; batchId: string })[] {
  const ids = new Set<string>();
  while (ids.size < TASKS) ids.add(nameOf(random, SEPARATORS));
  return [...ids].map((id) => ({
    id,
    queue: nameOf(random, SEPARATORS),
    batchId: nameOf(random, SEPARATORS),
    ...(random.next() < 0.5 && { group: nameOf(random, MORE_SEPARATORS) }),
  }));
}

function by<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

/** Names are kept apart, whatever they are made of. */
export function describeNames(start: StartStore): void {
  async function expectBatches(
    user: StoreUser,
    tasks: ReturnType<typeof randomTasks>,
    state: string,
  ): Promise<void> {
    for (const [batchId, some] of by(tasks, (task) => task.batchId)) {
      const counted = await user.store.views.countBatch(batchId);
      const sizes = counted.map(({ queue, counts }) => [queue, { ...counts }[state]]);
      const expected = [...by(some, ({ queue }) => queue)].map(([queue, { length }]) => [queue, length]);
      expect([batchId, sizes.toSorted()]).toEqual([batchId, expected.toSorted()]);
      expect(idsOf(await user.list({ batchId })).toSorted()).toEqual(some.map(({ id }) => id).toSorted());
    }
  }

  it('keeps a batch apart from one whose id begins with its own', async () => {
    const user = await start();
    await user.add(
      { id: 'x', batchId: 'b' },
      { id: 'y', batchId: 'b:counts' },
      { id: 'z', batchId: 'b:counts:counts' },
    );
    const batches = ['b', 'b:counts', 'b:counts:counts'];
    for (const batch of batches)
      expect(await user.store.views.countBatch(batch)).toMatchObject([{ counts: { queued: 1 } }]);
    expect(await user.take({ max: 3 })).toHaveLength(3);
    for (const batch of batches) expect(await user.list({ batchId: batch })).toHaveLength(1);
    expect(await user.store.clear({})).toBe(3);
    for (const batch of batches) expect(await user.store.views.countBatch(batch)).toEqual([]);
  });

  it.each(SEEDS)('keeps names apart that have the separators of keys in them, seed %d', async (seed) => {
    const user = await start();
    const tasks = randomTasks(new SeededRandom(seed));
    await user.add(...tasks);
    for (const { id, queue } of tasks) expect((await user.find(id)).spec.queue).toBe(queue);
    await expectBatches(user, tasks, 'queued');
    for (const [queue, some] of by(tasks, (task) => task.queue)) {
      const worker = { workerId: `w:${queue}`, claimId: queue };
      const held = await user.take({ ...worker, queues: [queue], max: TASKS });
      expect(idsOf(held).toSorted()).toEqual(some.map(({ id }) => id).toSorted());
      expect(idsOf(await user.take({ ...worker, queues: ['a'] })).toSorted()).toEqual(idsOf(held).toSorted());
      for (const task of held) await user.complete(task, `"${task.spec.id}"`);
    }
    await expectBatches(user, tasks, 'completed');
    for (const { id } of tasks) expect(await user.store.findOutput(id)).toBe(`"${id}"`);
    expect(await user.store.clear({})).toBe(TASKS);
    for (const { batchId } of tasks) expect(await user.store.views.countBatch(batchId)).toEqual([]);
    await user.add(...tasks);
    await expectBatches(user, tasks, 'queued');
  });

  it('tells claims apart, wherever the name of the worker ends', async () => {
    const user = await start();
    await user.add({ id: 'x' }, { id: 'y' }, { id: 'z' });
    const names = [
      { workerId: 'w\n', claimId: 'c' },
      { workerId: 'w', claimId: '\nc' },
      { workerId: '', claimId: 'w\n\nc' },
    ];
    for (const name of names) expect(await user.take(name)).toHaveLength(1);
    const again = await Promise.all(names.map((name) => user.take(name)));
    expect(idsOf(again.flat()).toSorted()).toEqual(['x', 'y', 'z']);
  });
}
