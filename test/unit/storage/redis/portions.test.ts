import { cancel } from '../../../../src/task/task.machine.js';
import { monitorRedis } from '../../../support/redis-monitor.js';
import type { StoreUser } from '../../../support/store-user.js';
import { useRedis } from './redis.site.js';

const site = useRedis();
const COUNT = 2_500;

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

describe('what is done to 2,500 tasks in one call', () => {
  it('is done in steps of 1,000, each of them one script', async () => {
    const user = await site.user();
    const items = itemsOf(user);
    const tasks = items.map(({ step }) => step.task);
    const cancelled = tasks.flatMap((task) => cancel(task, undefined, user.now) ?? []);
    const steps = [1_000, 1_000, 500];
    expect(await portionsOf(() => user.store.insert(items))).toEqual(steps);
    expect(await portionsOf(() => user.store.replace(cancelled))).toEqual(steps);
    expect(await portionsOf(() => user.store.remove(cancelled.map(({ task }) => task)))).toEqual(steps);
    expect(await user.store.counts()).toEqual([]);
  });

  it('is cleared in steps of 1,000', async () => {
    const user = await site.user();
    await user.store.insert(itemsOf(user));
    expect(await portionsOf(() => user.store.clear({}))).toEqual([1_000, 1_000, 500]);
  });

  it('is not denied when a later step is refused', async () => {
    const user = await site.user();
    const items = itemsOf(user).slice(0, 1_001);
    const client = await site.client();
    await client.hset(site.keys.entry('t1000'), 'no', 'string');
    await expect(user.store.insert(items)).rejects.toMatchObject({ applied: 'unknown' });
    expect((await user.find('t0')).state).toBe('queued');
  });
});

describe('a call of many tasks and other calls of the same turn', () => {
  it('do not share a script, and keep their order', async () => {
    const user = await site.user();
    const many = itemsOf(user).slice(0, 1_000);
    const sizes = await portionsOf(() =>
      Promise.all([
        user.store.insert([user.newTask({ id: 'first' })]),
        user.store.insert(many),
        user.store.insert([user.newTask({ id: 'last' }), user.newTask({ id: 't7' })]),
      ]),
    );
    expect(sizes).toEqual([1, 1_000, 1]);
  });
});
