import { cancel } from '../../../../src/task/task.machine.js';
import type { ProcessingTask, Task } from '../../../../src/task/task.js';
import { monitorRedis } from '../../../support/redis-monitor.js';
import { idsOf } from '../../../support/store-user.js';
import { useRedis } from './redis.site.js';

const site = useRedis();

/** Commands that one script may make: about 5 ms of Redis, for which everybody else waits. */
const MOST = 1_500;
const GROUPS = 600;
const REQUIREMENTS = 400;

interface Cost {
  /** Commands of the script that made most of them. */
  readonly most: number;
  readonly scripts: number;
}

/** What scripts do within some work, as Redis tells it to whoever monitors it. */
async function costOf(work: () => Promise<unknown>): Promise<Cost> {
  const client = await site.client();
  const counts: number[] = [];
  let finish: () => void = () => undefined;
  const isDone = new Promise<void>((resolve) => (finish = resolve));
  const monitor = await monitorRedis(site.server.port, ({ name, source }) => {
    if (name.startsWith('eval')) counts.push(0);
    else if (source === 'lua') counts.push((counts.pop() ?? 0) + 1);
    else if (name === 'echo') finish();
  });
  await work();
  await client.echo('the end');
  await isDone;
  monitor.close();
  return { most: counts.reduce((most, each) => Math.max(most, each), 0), scripts: counts.length };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

describe('one script of a call about 1,000 tasks', () => {
  it('makes no more commands than others may wait for, or few for each task where it is one commit', async () => {
    const user = await site.user();
    const items = numbers(1_000).map((index) =>
      user.newTask({ id: `t${index}`, group: `g${index % 50}`, batchId: 'b' }),
    );
    expect((await costOf(() => user.store.insert(items))).most).toBeLessThan(5_100);
    const beats = items.map(({ transition: { task } }) => ({
      task: { ...task, revision: task.revision + 1 },
    }));
    expect((await costOf(() => user.take({ max: 100 }))).most).toBeLessThan(MOST);
    expect((await costOf(() => user.store.replace(beats))).most).toBeLessThan(5_100);
    const current = await user.list({ states: ['queued'], limit: 1_000 });
    const cancelled = current.flatMap((task) => cancel(task, undefined, user.now) ?? []);
    expect((await costOf(() => user.store.replace(cancelled, { inSteps: true }))).most).toBeLessThan(MOST);
    expect((await costOf(() => user.store.clear({}))).most).toBeLessThan(MOST);
  });
});

describe('ageing', () => {
  it('is turned off in steps, however many requirements claims have asked for', async () => {
    const user = await site.user();
    await user.store.settings.change('default', { priorityAgeing: 1 });
    const jobs = numbers(REQUIREMENTS).map((index) => ({ job: `j${index}` }));
    for (const prefix of ['a', 'b']) {
      await user.add(...jobs.map((requires) => ({ id: `${prefix}${requires.job}`, requires })));
    }
    for (const labels of jobs) expect(await user.take({ labels })).toHaveLength(1);
    const { most } = await costOf(() => user.store.settings.change('default', { priorityAgeing: null }));
    expect(most).toBeLessThan(REQUIREMENTS);
    const client = await site.client();
    expect(await client.keys(`${site.prefix}:{default}:ag*`)).toEqual([]);
  });
});

describe('groups at their limit', () => {
  const group = (index: number) => `g${index}`;

  async function crowd() {
    const user = await site.user();
    await user.store.settings.change('default', { maxConcurrencyPerGroup: 1 });
    await user.add(...numbers(GROUPS).map((index) => ({ id: `a${index}`, group: group(index) })));
    expect(await user.take({ max: GROUPS })).toHaveLength(GROUPS);
    await user.add(...numbers(GROUPS).map((index) => ({ id: `b${index}`, group: group(index) })));
    return user;
  }

  it('are passed over by a poll in steps', async () => {
    const user = await crowd();
    const { most, scripts } = await costOf(async () => expect(await user.take()).toEqual([]));
    expect(most).toBeLessThan(MOST);
    expect(scripts).toBeGreaterThan(GROUPS / 200);
    expect((await costOf(() => user.take())).most).toBeLessThan(10);
  });

  it('cost nothing when another setting is changed, and little when they are let go', async () => {
    const user = await crowd();
    expect(await user.take()).toEqual([]);
    expect((await costOf(() => user.store.settings.change('default', { maxDepth: 9 }))).most).toBeLessThan(
      20,
    );
    const letGo = () => user.store.settings.change('default', { maxConcurrencyPerGroup: 2 });
    expect((await costOf(letGo)).most).toBeLessThan(20);
    const { most } = await costOf(async () => expect(await user.take({ max: 700 })).toHaveLength(GROUPS));
    expect(most).toBeLessThan(MOST);
  });

  it('are let go in their order, also when the setting changes again meanwhile', async () => {
    const user = await crowd();
    expect(await user.take()).toEqual([]);
    await user.store.settings.change('default', { maxConcurrencyPerGroup: 2 });
    expect((await user.takeOne()).spec.id).toBe('b0');
    await user.store.settings.change('default', { maxConcurrencyPerGroup: 1 });
    expect(await user.take()).toEqual([]);
    await user.store.settings.change('default', { maxConcurrencyPerGroup: 3 });
    await user.store.settings.change('default', { maxConcurrencyPerGroup: null });
    const ids = (await user.take({ max: GROUPS })).map(({ spec }) => spec.id);
    expect(ids).toEqual(numbers(GROUPS - 1).map((index) => `b${index + 1}`));
    expect(await (await site.client()).keys(`${site.keys.queue('default')}:parked*`)).toEqual([]);
  });

  it('are let go one by one while they wait to be put back', async () => {
    const user = await crowd();
    expect(await user.take()).toEqual([]);
    const held = await user.list({ states: ['processing'] });
    await user.store.settings.change('default', { maxConcurrencyPerGroup: 2 });
    for (const task of held.slice(0, 3)) await user.complete(task);
    expect(await user.take({ max: 2 * GROUPS })).toHaveLength(GROUPS);
  });
});

describe('tasks that require many different things', () => {
  const needs = (index: number) => ({ id: `t${index}`, requires: { gpu: 'a100', job: `j${index}` } });
  const offer = (index: number) => ({ labels: { zone: 'z', job: `j${index}`, gpu: 'a100' } });

  it('cost an enqueue, a claim and a position as much as few do', async () => {
    const user = await site.user();
    const tasks = await user.add(...numbers(REQUIREMENTS).map(needs));
    const last = await user.find(`t${REQUIREMENTS - 1}`);
    expect((await costOf(() => user.add({ id: 'more', requires: { x: 'y' } }))).most).toBeLessThan(40);
    expect((await costOf(() => user.take({ ...offer(7), max: 2 }))).most).toBeLessThan(80);
    expect((await costOf(() => user.store.views.position(last))).most).toBeLessThan(20);
    const { most, scripts } = await costOf(() =>
      Promise.all(tasks.map((task) => user.store.views.position(task))),
    );
    expect(most).toBeLessThan(MOST);
    expect(scripts).toBeLessThan(REQUIREMENTS / 16);
  });

  it('are found by those who offer it, and by nobody else', async () => {
    const user = await site.user();
    await user.add(...numbers(40).map(needs), { id: 'gpu', requires: { gpu: 'a100' } }, { id: 'plain' });
    const claim = async (wish: object) => (await user.take({ max: 9, ...wish })).map(({ spec }) => spec.id);
    expect(await claim({ labels: { job: 'j3' } })).toEqual(['plain']);
    expect(await claim(offer(3))).toEqual(['t3', 'gpu']);
    expect(await claim(offer(3))).toEqual([]);
    expect(await claim({ labels: { gpu: 'h100', job: 'j4' } })).toEqual([]);
    expect(await claim(offer(39))).toEqual(['t39']);
  });

  it('of an earlier version, which did not note the beginnings of requirements, are found too', async () => {
    const user = await site.user();
    await user.add(...numbers(40).map(needs));
    const client = await site.client();
    const queue = site.keys.queue('default');
    await client.del(`${queue}:prefixes`, `${queue}:round:1 `);
    await client.hdel(`${queue}:meta`, 'prefixes');
    expect(await user.store.views.position(await user.find('t20'))).toBe(21);
    expect((await user.takeOne(offer(5))).spec.id).toBe('t5');
    await user.add({ id: 'new', requires: { gpu: 'a100', job: 'j6' } });
    expect((await user.take({ ...offer(6), max: 9 })).map(({ spec }) => spec.id)).toEqual(['t6', 'new']);
  });

  it('share the turns of their groups', async () => {
    const user = await site.user();
    const of = (group: string, gpu: string, at: number) => ({
      id: `${group}${gpu}${at}`,
      group,
      requires: { gpu },
    });
    for (const at of [0, 1]) {
      await user.add(of('a', 'x', at), of('b', 'x', at), of('a', 'y', at), of('b', 'y', at));
    }
    const taken: string[] = [];
    for (const gpu of ['x', 'y', 'x', 'y', 'y', 'x']) {
      taken.push((await user.takeOne({ labels: { gpu } })).spec.id);
    }
    expect(taken).toEqual(['ax0', 'by0', 'ax1', 'by1', 'ay0', 'bx0']);
  });
});

describe('waiting that counts as priority', () => {
  const LEVELS = 300;

  it.each([{}, { group: 'g' }])(
    'costs a claim no more where there are many priorities: %j',
    async (details) => {
      const user = await site.user();
      for (const index of numbers(LEVELS)) {
        await user.add({ id: `t${index}`, priority: index - LEVELS / 2, ...details });
        user.clock.advance((index * 7919) % 2_000);
      }
      await user.store.settings.change('default', { priorityAgeing: 1 });
      const urgency = (task: Task) => task.spec.priority * 1_000 - task.createdAt;
      const order = (await user.list()).toSorted(
        (one, other) => urgency(other) - urgency(one) || other.spec.priority - one.spec.priority,
      );
      const taken: Task[] = [];
      const { most } = await costOf(async () => {
        for (let claims = 0; claims < 4; claims += 1) taken.push(...(await user.take({ max: 90 })));
      });
      expect(idsOf(taken)).toEqual(idsOf(order));
      expect(most).toBeLessThan(MOST);
    },
  );

  it.each([
    ['groups have a limit', {}, 3],
    ['tasks require something', { requires: { gpu: 'a100' } }, null],
    ['both', { requires: { gpu: 'a100' } }, 3],
  ])('costs a claim no more where there are many priorities and %s', async (_, details, limit) => {
    const user = await site.user();
    for (const from of numbers(3)) {
      const specs = numbers(LEVELS).map((index) => ({
        ...{ id: `t${from}-${index}`, priority: index - LEVELS / 2, group: `g${index % 7}` },
        ...(index % 2 === from % 2 ? details : {}),
      }));
      await user.add(...specs);
      user.clock.advance(700);
    }
    await user.store.settings.change('default', { priorityAgeing: 1, maxConcurrencyPerGroup: limit });
    const held: ProcessingTask[] = [];
    const claims = await costOf(async () => {
      for (let count = 0; count < 4; count += 1) {
        held.push(...(await user.take({ max: 90, labels: { gpu: 'a100', zone: 'eu' } })));
      }
    });
    expect(held.length).toBe(limit === null ? 360 : 7 * limit);
    expect(claims.most).toBeLessThan(MOST);
    // A group that has room again is put back in every priority.
    const ends = await costOf(async () => {
      for (const task of held.slice(0, 9)) await user.complete(task);
      await user.take({ max: 90, labels: { gpu: 'a100' } });
    });
    expect(ends.most).toBeLessThan(MOST);
  });

  it('follows tasks that come, go and come back, and another worth', async () => {
    const user = await site.user();
    await user.store.settings.change('default', { priorityAgeing: 1 });
    await user.add({ id: 'low', priority: 0 });
    user.clock.advanceSeconds(5);
    await user.add({ id: 'high', priority: 4 }, { id: 'urgent', priority: 9 });
    expect(await user.takeOne()).toMatchObject({ spec: { id: 'urgent' } });
    const low = await user.takeOne();
    expect(low.spec.id).toBe('low');
    await user.release(low);
    expect((await user.takeOne()).spec.id).toBe('low');
    await user.add({ id: 'old', priority: 1 });
    await user.write(cancel(await user.find('high'), undefined, user.now));
    user.clock.advanceSeconds(5);
    await user.add({ id: 'new', priority: 5 }, { id: 'grouped', priority: 5, group: 'g' });
    await user.store.settings.change('default', { priorityAgeing: 2 });
    expect(idsOf(await user.take({ max: 9 }))).toEqual(['new', 'grouped', 'old']);
    await user.store.settings.change('default', { priorityAgeing: null });
    const client = await site.client();
    for (const name of ['ages', 'aging', 'touched', 'aged', 'heads']) {
      expect(await client.exists(`${site.keys.queue('default')}:${name}`)).toBe(0);
    }
  });
});

describe('many queues', () => {
  it('are looked at some at a time', async () => {
    const user = await site.user();
    await user.add(...numbers(300).map((index) => ({ id: `t${index}`, queue: `q${index}` })));
    for (const work of [
      () => user.store.views.counts(),
      () => user.store.due(10),
      () => user.store.settings.all(),
      () => user.store.views.countBatch('b'),
      () => user.store.views.list({ limit: 100 }),
    ]) {
      expect((await costOf(work)).most).toBeLessThan(MOST);
    }
  });
});
