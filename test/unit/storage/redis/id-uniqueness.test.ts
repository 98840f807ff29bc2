import type { RedisTaskStore } from '../../../../src/storage/redis/redis-task-store.js';
import { TASK_STATES } from '../../../../src/task/task-state.js';
import { totalOf } from '../../../support/store-contents.js';
import { SeededRandom } from '../../../support/store-random.js';
import type { Task } from '../../../../src/task/task.js';
import { idsOf, payloadOf, type StoreUser } from '../../../support/store-user.js';
import { useRedis } from './redis.site.js';

const site = useRedis();

/** Whoever finds an id in other hands waits a little, again and again. */
const LIMIT_MS = 180_000;

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Of several that inserted the same id at once, the one that won, which all others must name. */
async function insertAtOnce(users: readonly StoreUser[], id: string, first = 0): Promise<string> {
  const items = users.map((user, index) => user.newTask({ id, queue: `q${index}` }, `"code":"${index}"`));
  const calls: Promise<readonly (Task | undefined)[]>[] = [];
  for (const turn of users.keys()) {
    const index = (first + turn) % users.length;
    calls[index] = users[index]?.store.insert(items.slice(index, index + 1)) ?? Promise.resolve([]);
  }
  const answers = await Promise.all(calls);
  const winners = items.filter((_, index) => answers[index]?.[0] === undefined);
  expect(winners).toHaveLength(1);
  const { transition, payload } = winners[0] ?? { transition: undefined, payload: undefined };
  for (const [task] of answers) expect(task ?? transition?.task).toEqual(transition?.task);
  for (const { store } of users) {
    expect(await store.find(id)).toEqual(transition?.task);
    expect(await store.findPayload(id)).toBe(payload);
  }
  return transition?.task.spec.queue ?? '';
}

/** Every entry of the directory has its task, and every task its entry. */
async function expectWhole(user: StoreUser): Promise<void> {
  const client = await site.client();
  const tasks = await user.list();
  expect(await totalOf(user.store)).toBe(tasks.length);
  expect(new Set(idsOf(tasks)).size).toBe(tasks.length);
  for (const { spec } of tasks) {
    const head = await client.hget(site.keys.task(spec.queue, spec.id), 'head');
    expect(await client.get(site.keys.entry(spec.id))).toBe(`${head?.split(' ')[10]} ${spec.queue}`);
  }
  expect(await client.keys(site.keys.entry('*'))).toHaveLength(tasks.length);
}

describe.each([
  { name: 'an id', isCluster: false },
  { name: 'an id, by the ways of a Cluster', isCluster: true },
])('$name', ({ isCluster }) => {
  it('is given to one of two queues when two instances insert it at once, over and over', async () => {
    const users = [await site.user({ isCluster }), await site.user({ isCluster })];
    const winners = [];
    for (const round of range(150)) winners.push(await insertAtOnce(users, `t${round}`, round % 2));
    expect(new Set(winners).size).toBe(2);
    await expectWhole(await site.user({ isCluster }));
  });

  it('is given to one of many queues', async () => {
    const users = await Promise.all(range(6).map(() => site.user({ isCluster })));
    for (const round of range(20)) await insertAtOnce(users, `t${round}`, round % users.length);
    await expectWhole(await site.user({ isCluster }));
  });

  it(
    'is given once also while it is removed and cleared',
    async () => {
      const stores = await Promise.all(range(3).map(() => site.open({ isCluster })));
      const inserted = await Promise.all(stores.map((store, index) => disturb(store, index)));
      const user = await site.user({ isCluster });
      await expectWhole(user);
      expect(inserted.reduce((sum, count) => sum + count, 0)).toBe((await user.list()).length);
      for (const { spec } of await user.list()) {
        expect(await user.store.findPayload(spec.id)).toBe(payloadOf(spec.id));
      }
    },
    LIMIT_MS,
  );

  it('is taken over from an insert that announced it and never came', async () => {
    const user = await site.user({ isCluster });
    const client = await site.client();
    await client.set(site.keys.entry('a'), 'nonce-of-the-dead elsewhere');
    expect(await user.store.find('a')).toBeUndefined();
    await user.add({ id: 'a', queue: 'here' });
    expect(await client.get(site.keys.entry('a'))).toMatch(/ here$/);
    // Where the task follows its entry in another step, it must not follow any more.
    const fence = await client.get(`${site.keys.queue('elsewhere')}:gone:a`);
    expect(fence).toBe(isCluster ? 'nonce-of-the-dead' : null);
    await expectWhole(user);
  });

  it('is taken over within its own queue, too', async () => {
    const user = await site.user({ isCluster });
    const client = await site.client();
    await client.set(site.keys.entry('a'), 'nonce-of-the-dead here');
    await user.add({ id: 'a', queue: 'here' });
    await expectWhole(user);
  });

  it('is not lost with a nonce that was given up', async () => {
    const user = await site.user({ isCluster });
    const client = await site.client();
    await client.set(site.keys.entry('a'), 'nonce-of-the-dead here');
    await client.set(`${site.keys.queue('here')}:gone:a`, 'nonce-of-the-dead');
    await user.add({ id: 'a', queue: 'here' });
    await expectWhole(user);
  });

  it.each(['remove', 'clear'])('refuses the late insert of a task that is gone by %s', async (way) => {
    const [user, other] = [await site.user({ isCluster }), await site.user({ isCluster })];
    const client = await site.client();
    const [task] = await user.add({ id: 'a', queue: 'here' });
    const entry = (await client.get(site.keys.entry('a'))) ?? '';
    const fence = `${site.keys.queue('here')}:gone:a`;
    if (way === 'remove') await user.store.remove([task]);
    else await user.store.clear({});
    expect(await client.exists(site.keys.entry('a'))).toBe(0);
    expect(`${await client.get(fence)} here`).toBe(entry);
    expect(await client.pttl(fence)).toBeGreaterThan(1_000);
    expect(await client.pttl(fence)).toBeLessThanOrEqual(10_000);
    // The other one read the entry before it was forgotten, so it inserts under the nonce of the task that is gone.
    await client.set(site.keys.entry('a'), entry);
    await other.add({ id: 'a', queue: 'here' });
    expect(await client.get(site.keys.entry('a'))).not.toBe(entry);
    await expectWhole(user);
  });
});

/** Inserts, removes and clears few ids in few queues. Answers how many it inserted less those that it took away. */
async function disturb(store: RedisTaskStore, caller: number): Promise<number> {
  const random = new SeededRandom(caller + 1);
  const user = site.userOf(store);
  let count = 0;
  for (const _ of range(100)) {
    const id = `t${random.below(5)}`;
    const choice = random.next();
    if (choice < 0.6) {
      const items = [user.newTask({ id, queue: `q${random.below(3)}` }), user.newTask({ id, queue: 'q0' })];
      count += (await store.insert(items)).filter((answer) => answer === undefined).length;
    } else if (choice < 0.95) {
      const task = await store.find(id);
      if (task) count -= (await store.remove([task])).filter(Boolean).length;
    } else count -= await store.clear(choice < 0.97 ? {} : { queues: ['q0'], states: TASK_STATES });
  }
  return count;
}
