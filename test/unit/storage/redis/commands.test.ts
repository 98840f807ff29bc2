import { cancel } from '../../../../src/task/task.machine.js';
import { TASK_STATES } from '../../../../src/task/task-state.js';
import { useRedis } from './redis.site.js';

const site = useRedis();

const GROUPS = 40;

/** How often Redis did each command, also within scripts. */
async function commandsOf(work: () => Promise<unknown>): Promise<Readonly<Record<string, number>>> {
  const client = await site.client();
  await client.config('RESETSTAT');
  await work();
  const lines = (await client.info('commandstats')).matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm);
  return Object.fromEntries(Array.from(lines, ([, name = '', calls]) => [name, Number(calls)]));
}

describe('an insert of many tasks', () => {
  it('writes each task once, and the rest together', async () => {
    const user = await site.user();
    await user.add({ id: 'first' });
    const tasks = Array.from({ length: GROUPS }, (_, at) => user.newTask({ id: `t${at}` }));
    const commands = await commandsOf(() => user.store.insert(tasks));
    expect(commands).toMatchObject({
      hmget: 1,
      hset: GROUPS + 1,
      xadd: GROUPS,
      publish: GROUPS + 1,
      zadd: 2,
    });
  });
});

/** What is done once in a script, for all its tasks together, is not done task by task. */
describe('a claim of many tasks', () => {
  const ONCE = 9;

  it('asks for each task of a plain queue only what it is', async () => {
    const user = await site.user();
    await user.add(...Array.from({ length: GROUPS }, (_, at) => ({ id: `t${at}` })));
    const commands = await commandsOf(() => user.take({ max: GROUPS }));
    for (const name of ['hmget', 'hset']) expect(commands[name]).toBeLessThan(GROUPS + ONCE);
    for (const name of ['zrange', 'zadd', 'zrem']) expect(commands[name]).toBeLessThan(ONCE);
    for (const name of ['hget', 'hincrby', 'hkeys', 'zscore']) expect(commands[name] ?? 0).toBe(0);
  });

  it('asks for each task among groups also which it is, and takes it out of its lane', async () => {
    const user = await site.user();
    const groups = Array.from({ length: GROUPS }, (_, at) => `g${at}`);
    await user.store.settings.change('default', { maxConcurrencyPerGroup: 2 });
    for (const turn of [0, 1]) await user.add(...groups.map((group) => ({ id: `${group}-${turn}`, group })));
    const commands = await commandsOf(() => user.take({ max: GROUPS }));
    for (const name of ['hmget', 'hset', 'zrange', 'zrem']) {
      expect(commands[name]).toBeLessThan(GROUPS + ONCE);
    }
    for (const name of ['zadd', 'hincrby', 'hkeys']) expect(commands[name]).toBeLessThan(ONCE);
    for (const name of ['hget', 'zscore']) expect(commands[name] ?? 0).toBe(0);
    expect((await user.take({ max: 2 * GROUPS })).length).toBe(GROUPS);
  });

  it('meets each task that has expired once', async () => {
    const user = await site.user();
    await user.add({ id: 'late', group: 'g', ttl: 1 }, { id: 'good', group: 'g' });
    user.clock.advance(1_000);
    const commands = await commandsOf(() => user.take());
    expect(commands.hmget).toBeLessThan(20);
  });

  it('counts the tasks of a batch together', async () => {
    const user = await site.user();
    await user.add(...Array.from({ length: GROUPS }, (_, at) => ({ id: `t${at}`, batchId: 'b' })));
    const commands = await commandsOf(() => user.take({ max: GROUPS }));
    for (const name of ['hmget', 'hset']) expect(commands[name]).toBeLessThan(GROUPS + ONCE);
    expect(commands.hincrby ?? 0).toBe(0);
  });
});

describe('a cancel of tasks that have had an attempt', () => {
  it('measures their records together', async () => {
    const user = await site.user();
    await user.add(...Array.from({ length: GROUPS }, (_, at) => ({ id: `t${at}`, maxAttempts: 2 })));
    for (const held of await user.take({ max: GROUPS })) await user.fail(held);
    const { tasks } = await user.store.views.list({ limit: GROUPS });
    const cancelled = tasks.flatMap((task) => cancel(task, undefined, user.now) ?? []);
    const commands = await commandsOf(() => user.store.replace(cancelled, { inSteps: true }));
    // The lengths and the write; either script may have to be loaded.
    expect((commands.evalsha ?? 0) + (commands.eval ?? 0)).toBeLessThanOrEqual(6);
    expect(await user.list({ states: ['cancelled'] })).toHaveLength(GROUPS);
  });
});

describe('a list', () => {
  it('reads all states of a queue in one step, so that a task which is moved meanwhile is in it', async () => {
    const user = await site.user();
    await user.add({ id: 'a' });
    await user.list();
    const commands = await commandsOf(() => user.list());
    // The indices, and what was found there.
    expect(commands).toMatchObject({ evalsha: 2, zrange: TASK_STATES.length });
  });
});

describe('a depth', () => {
  it('is counted in one step, so that a task whose delay ends meanwhile counts once', async () => {
    const user = await site.user();
    await user.add({ id: 'a' }, { id: 'b', delay: 10 });
    expect(await user.store.views.depth('default')).toBe(2);
    const commands = await commandsOf(() => user.store.views.depth('default'));
    expect(commands).toMatchObject({ evalsha: 1, zcard: TASK_STATES.length });
  });
});
