import { cancel } from '../../../../src/task/task.machine.js';
import type { ClaimedTask } from '../../../../src/storage/task-store.js';
import { monitorRedis } from '../../../support/redis-monitor.js';
import type { StoreUser } from '../../../support/store-user.js';
import { useRedis } from './redis.site.js';

const site = useRedis();
const COUNT = 250;
const STEPS = [64, 64, 64, 58];

/** How many tasks each script has written, script by script, as Redis tells it to whoever monitors it. */
async function portionsOf(work: () => Promise<unknown>): Promise<readonly number[]> {
  const client = await site.client();
  const scripts: Set<string>[] = [];
  let finish: () => void = () => undefined;
  const isDone = new Promise<void>((resolve) => (finish = resolve));
  const monitor = await monitorRedis(site.server.port, ({ name, args, source }) => {
    if (name.startsWith('eval')) scripts.push(new Set());
    else if (source === 'lua' && /^(?:hset|unlink)$/.test(name) && args.includes(':task:')) {
      scripts.at(-1)?.add(args.split(' ', 1).join());
    } else if (name === 'echo') finish();
  });
  await work();
  await client.echo('the end');
  await isDone;
  monitor.close();
  return scripts.map(({ size }) => size).filter((size) => size > 0);
}

function itemsOf(user: StoreUser) {
  return Array.from({ length: COUNT }, (_, index) => user.newTask({ id: `t${index}` }));
}

describe('what is done to 250 tasks in one call', () => {
  it('is one script, or steps of 64 where it may be', async () => {
    const user = await site.user();
    const items = itemsOf(user);
    const tasks = items.map(({ transition }) => transition.task);
    expect(await portionsOf(() => user.store.insert(items))).toEqual([COUNT]);
    const beats = tasks.map((task) => ({ task: { ...task, revision: task.revision + 1 } }));
    expect(await portionsOf(() => user.store.replace(beats))).toEqual([COUNT]);
    const cancelled = beats.flatMap(({ task }) => cancel(task, undefined, user.now) ?? []);
    expect(await portionsOf(() => user.store.replace(cancelled, { inSteps: true }))).toEqual(STEPS);
    expect(await portionsOf(() => user.store.remove(cancelled.map(({ task }) => task)))).toEqual(STEPS);
    expect(await user.store.views.counts()).toEqual([]);
  });

  it('is cleared by one mark, and removed in steps of 40', async () => {
    const user = await site.user();
    await user.store.insert(itemsOf(user));
    const clear = async () => {
      await user.store.clear({});
      await site.reclaimed();
    };
    expect(await portionsOf(clear)).toEqual([40, 40, 40, 40, 40, 40, 10]);
  });

  it('is not denied when a later step is refused', async () => {
    const user = await site.user();
    const items = [...itemsOf(user).slice(0, 64), user.newTask({ id: 'last', batchId: 'b' })];
    await user.store.insert(items);
    const client = await site.client();
    await client.set(site.keys.batchCounts('default', 'b'), 'no hash');
    const cancelled = items.flatMap(({ transition }) => cancel(transition.task, undefined, user.now) ?? []);
    const changing = user.store.replace(cancelled, { inSteps: true });
    await expect(changing).rejects.toMatchObject({ applied: 'unknown' });
    expect((await user.find('t0')).state).toBe('cancelled');
  });
});

describe('what is done to tasks with large payloads in one call', () => {
  const payload = `"code":"${'x'.repeat(100_000)}"`;
  const largeItems = (user: StoreUser) =>
    Array.from({ length: 7 }, (_, index) => user.newTask({ id: `t${index}` }, payload));

  it('is one commit for a claim, that answers every payload', async () => {
    const user = await site.user();
    await user.store.insert(largeItems(user));
    const request = user.request({ max: 7, claimId: 'c' });
    let claimed: readonly ClaimedTask[] = [];
    const portions = await portionsOf(async () => {
      claimed = await user.store.claim(request);
    });
    expect(portions).toEqual([7]);
    expect(claimed.map((each) => each.payload)).toEqual(Array(7).fill(payload));
    expect((await user.store.claim(request)).map((each) => each.payload)).toEqual(Array(7).fill(payload));
  });
});

describe('a claim of 100', () => {
  it('takes 50 at a time, and a repetition has all that is held', async () => {
    const user = await site.user();
    await user.store.insert(itemsOf(user));
    const request = user.request({ max: 100, claimId: 'c' });
    expect(await portionsOf(() => user.store.claim(request))).toEqual([50, 50]);
    expect(await user.store.claim(request)).toHaveLength(100);
  });
});

describe('a call of many tasks and other calls of the same turn', () => {
  it('do not share a script, and keep their order', async () => {
    const user = await site.user();
    const many = itemsOf(user);
    const sizes = await portionsOf(() =>
      Promise.all([
        user.store.insert([user.newTask({ id: 'first' })]),
        user.store.insert(many),
        user.store.insert([user.newTask({ id: 'last' }), user.newTask({ id: 't7' })]),
      ]),
    );
    expect(sizes).toEqual([1, COUNT, 1]);
  });
});
