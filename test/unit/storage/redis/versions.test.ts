import { heartbeat, redrive, cancel } from '../../../../src/task/task.machine.js';
import type { StoreUser } from '../../../support/store-user.js';
import { useRedis } from './redis.site.js';

const site = useRedis();

/** The words of a head that this version knows; the last one, the deadline, is left out where there is none. */
const KNOWN_WORDS = 14;

/** Makes the record of a task what a later version of the service might write. */
async function writeAsLater(id: string): Promise<void> {
  const client = await site.client();
  const key = site.keys.task('default', id);
  const [head, spec, core, lease] = await client.hmget(key, 'head', 'spec', 'core', 'lease');
  const extend = (text?: string | null) => (text ? text.replace(/\}$/, ',"future":{"a":[]}}') : '');
  const isShort = (head ?? '').split(' ').length < KNOWN_WORDS;
  const fields = {
    head: `${head}${isShort ? ' -' : ''} extra words`,
    spec: extend(spec),
    core: extend(core),
    lease: extend(lease),
  };
  await client.hset(key, { ...fields, future: 'field' });
}

async function expectKept(id: string): Promise<void> {
  const client = await site.client();
  const [head, spec, future] = await client.hmget(site.keys.task('default', id), 'head', 'spec', 'future');
  expect(head?.split(' ').slice(KNOWN_WORDS)).toEqual(['extra', 'words']);
  expect(spec).toContain(',"future":{"a":[]}}');
  expect(future).toBe('field');
}

async function laterTask(user: StoreUser): Promise<void> {
  await user.add({ id: 'a', maxAttempts: 2 }, { id: 'b' });
  await writeAsLater('a');
}

describe('a record of a later version', () => {
  it('is read, whatever was added to it', async () => {
    const user = await site.user();
    await laterTask(user);
    expect(await user.find('a')).toMatchObject({ state: 'queued', revision: 1, spec: { maxAttempts: 2 } });
    expect(await user.store.views.position(await user.find('a'))).toBe(1);
    expect((await user.list()).map(({ spec }) => spec.id)).toEqual(['b', 'a']);
    await user.takeOne();
    await writeAsLater('a');
    expect(await user.find('a')).toMatchObject({ state: 'processing', lease: { workerId: 'worker-1' } });
  });

  it('keeps what was added through a claim, a heartbeat, a failure and a completion', async () => {
    const user = await site.user();
    await laterTask(user);
    const held = await user.takeOne();
    await expectKept('a');
    const beat = heartbeat(held, { leaseId: held.lease.id, extend: 9 }, user.now);
    expect(await user.store.replace([{ task: beat }])).toEqual([true]);
    await expectKept('a');
    await user.fail(await user.find('a'), 'no', 0);
    await expectKept('a');
    await user.complete(await user.takeOne(), '1');
    await expectKept('a');
  });

  it('is removed, and refuses what was read before, as any other', async () => {
    const user = await site.user();
    const [read] = await user.add({ id: 'a' });
    await writeAsLater('a');
    const cancelled = await user.write(cancel(await user.find('a'), undefined, user.now));
    expect(await user.store.remove([read])).toEqual([false]);
    const transition = redrive(cancelled, user.now);
    expect(await user.store.replace([transition, transition])).toEqual([true, false]);
    expect(await user.store.remove([transition.task])).toEqual([true]);
    expect(await user.store.views.counts()).toEqual([]);
  });
});

describe('a batch of an earlier version', () => {
  /** Has the counts of a batch where earlier versions had them. */
  async function moveBack(batchId: string): Promise<void> {
    const client = await site.client();
    await client.rename(
      site.keys.batchCounts('default', batchId),
      site.keys.oldBatchCounts('default', batchId),
    );
  }

  async function countsOf(user: StoreUser, batchId: string): Promise<unknown> {
    const [found] = await user.store.views.countBatch(batchId);
    return found && Object.fromEntries(Object.entries(found.counts).filter(([, count]) => count > 0));
  }

  it('is counted on, from its first change to its end', async () => {
    const user = await site.user();
    await user.add({ id: 'x', batchId: 'b' }, { id: 'y', batchId: 'b' });
    await moveBack('b');
    expect(await countsOf(user, 'b')).toEqual({ queued: 2 });
    await user.complete(await user.takeOne());
    expect(await countsOf(user, 'b')).toEqual({ completed: 1, queued: 1 });
    expect(await (await site.client()).exists(site.keys.oldBatchCounts('default', 'b'))).toBe(0);
    expect(await user.store.clear({})).toBe(2);
    expect(await countsOf(user, 'b')).toBeUndefined();
  });

  it('is told from the batch whose ids are where it had its counts', async () => {
    const user = await site.user();
    await user.add({ id: 'x', batchId: 'b' });
    await moveBack('b');
    expect(await user.list({ batchId: 'b:counts' })).toEqual([]);
    await user.add({ id: 'y', batchId: 'b:counts' });
    expect([await countsOf(user, 'b'), await countsOf(user, 'b:counts')]).toEqual([
      { queued: 1 },
      { queued: 1 },
    ]);
    expect(await user.list({ batchId: 'b' })).toHaveLength(1);
    expect(await user.list({ batchId: 'b:counts' })).toHaveLength(1);
  });
});
