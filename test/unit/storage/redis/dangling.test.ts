import { Logger } from '@nestjs/common';
import type { TaskSpec } from '../../../../src/task/task.js';
import { StoreUnavailable } from '../../../../src/storage/task-store.js';
import { idsOf, type StoreUser } from '../../../support/store-user.js';
import { useRedis } from './redis.site.js';

const site = useRedis();
const warnings: unknown[] = [];
const recorder = {
  log: () => undefined,
  error: () => undefined,
  warn: (line: unknown) => warnings.push(line),
};

beforeEach(() => {
  warnings.length = 0;
  Logger.overrideLogger(recorder);
});

afterEach(() => {
  Logger.overrideLogger(false);
});

/** Deletes the record of a task, and nothing else of it. */
async function loseRecord(id: string): Promise<void> {
  const client = await site.client();
  await client.del(site.keys.task('default', id));
}

/** The indices in which an id still is. */
async function indicesOf(id: string): Promise<readonly string[]> {
  const client = await site.client();
  const found: string[] = [];
  for (const key of await client.keys(`${site.keys.queue('default')}:*`)) {
    const isIndex = (await client.type(key)) === 'zset' && (await client.zscore(key, id)) !== null;
    if (isIndex) found.push(key);
  }
  return found;
}

async function expectMended(user: StoreUser, id: string): Promise<void> {
  expect(await indicesOf(id)).toEqual([]);
  expect(warnings).toEqual([
    `Task ${id} of ${site.keys.queue('default')} has no record; removed it from the indices`,
  ]);
  expect(idsOf(await user.list())).not.toContain(id);
}

const KINDS: readonly [name: string, spec: Partial<TaskSpec>, ageing: number | null][] = [
  ['a plain queue', {}, null],
  ['a plain queue, before it expires', { ttl: 60 }, null],
  ['a lane', { group: 'g' }, null],
  ['a lane with requirements', { requires: { gpu: 'a100' } }, null],
  ['a lane of a queue with ageing', { group: 'g' }, 60],
];

describe('an index entry without a record', () => {
  it.each(KINDS)('is passed over by claims, in %s', async (_, spec, priorityAgeing) => {
    const user = await site.user();
    await user.store.settings.change('default', { priorityAgeing });
    await user.add({ id: 'lost', ...spec }, { id: 'next', ...spec }, { id: 'last', ...spec });
    await loseRecord('lost');
    const labels = spec.requires;
    expect(idsOf(await user.take({ labels }))).toEqual(['next']);
    await expectMended(user, 'lost');
    expect(idsOf(await user.take({ labels, max: 5 }))).toEqual(['last']);
    expect(await user.take({ labels })).toEqual([]);
    expect(await user.store.views.depth('default')).toBe(0);
    await user.add({ id: 'lost', ...spec });
    expect(idsOf(await user.take({ labels }))).toEqual(['lost']);
  });

  it('is passed over when there is nothing else', async () => {
    const user = await site.user();
    await user.add({ id: 'lost', group: 'g' });
    await loseRecord('lost');
    expect(await user.take()).toEqual([]);
    await expectMended(user, 'lost');
  });

  it('does not keep a claim from what it holds', async () => {
    const user = await site.user();
    await user.add({ id: 'lost' }, { id: 'held' });
    await user.take({ claimId: 'c', max: 2 });
    await loseRecord('lost');
    expect(idsOf(await user.take({ claimId: 'c', max: 2 }))).toEqual(['held']);
    await (await site.client()).zrem(`${site.keys.queue('default')}:leases`, 'lost');
    expect(idsOf(await user.take({ claimId: 'c', max: 2 }))).toEqual(['held']);
  });

  it('is cleared with the rest', async () => {
    const user = await site.user();
    await user.add({ id: 'lost' }, ...Array.from({ length: 600 }, (_, at) => ({ id: `t${at}` })));
    await loseRecord('lost');
    // It counts until somebody has looked for its record.
    expect(await user.store.clear({ queues: ['default'] })).toBe(601);
    await site.reclaimed();
    await expectMended(user, 'lost');
    expect(await user.store.views.counts()).toEqual([]);
  });

  it.each([
    ['a lease', (user: StoreUser) => user.take()],
    ['a delay', () => Promise.resolve(undefined)],
    ['an end', async (user: StoreUser) => user.complete(await user.takeOne())],
  ])('is due once, at the end of %s', async (name, live) => {
    const user = await site.user({ settings: { retention: 10 } });
    await user.add({ id: 'lost', ...(name === 'a delay' && { delay: 5 }) });
    await live(user);
    await loseRecord('lost');
    user.clock.advanceSeconds(100);
    expect(await user.store.untilDue()).toBe(0);
    expect(await user.store.due(10)).toEqual([]);
    await expectMended(user, 'lost');
    expect(await user.store.untilDue()).toBeUndefined();
  });
});

describe('a ring that names a lane with nothing in it', () => {
  it('keeps no claim from the next one', async () => {
    const user = await site.user();
    await user.add({ id: 'a', group: 'g' }, { id: 'b', group: 'h' });
    await (await site.client()).del(`${site.keys.ready('default')}:1: g`);
    expect(idsOf(await user.take({ max: 2 }))).toEqual(['b']);
    expect(await user.take()).toEqual([]);
  });
});

describe('a script that fails', () => {
  it.each(['events', 'meta', 'state:queued', 'ready'])(
    'may have written something, when %s is of the wrong type',
    async (name) => {
      const user = await site.user();
      await (await site.client()).set(`${site.keys.queue('default')}:${name}`, 'x');
      const insert = user.store.insert([user.newTask({ id: 'a' })]);
      await expect(insert).rejects.toBeInstanceOf(StoreUnavailable);
      await expect(insert).rejects.toMatchObject({ applied: 'unknown' });
    },
  );

  it('has no effect when it only reads', async () => {
    const user = await site.user();
    await user.add({ id: 'a' });
    await (await site.client()).set(`${site.keys.queue('default')}:settings`, 'x');
    await expect(user.store.settings.of('default')).rejects.toMatchObject({ applied: false });
  });
});
