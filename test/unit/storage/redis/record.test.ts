import { cancel, fail } from '../../../../src/task/task.machine.js';
import { keptTasks } from '../../../support/kept-tasks.js';
import type { StoreUser } from '../../../support/store-user.js';
import { useRedis } from './redis.site.js';

const site = useRedis();

const WORDS = [
  'state',
  'revision',
  'sequence',
  'attempt',
  'created',
  'started',
  'startBy',
  'timeout',
  'place',
  'born',
];
/** Places of one priority. */
const AGES = 2 ** 42;

/** The record of a task as replicas of every version have to find it, its head word by word. */
async function recordOf(id: string): Promise<Record<string, unknown>> {
  const client = await site.client();
  const { head = '', spec, core, ...rest } = await client.hgetall(site.keys.task('default', id));
  const words = head.split(' ');
  expect(words).toHaveLength(13);
  const named = Object.fromEntries(
    [...WORDS, 'nonce', 'bytes', 'size'].map((name, index) => [name, words[index]]),
  );
  expect(await client.get(site.keys.entry(id))).toBe(`${named.nonce} default`);
  expect(Number(named.born)).toBe(
    await client.zscore(site.keys.state('default', named.state ?? ''), id).then(Number),
  );
  return { ...named, spec: JSON.parse(spec ?? ''), core: JSON.parse(core ?? ''), ...rest };
}

/** Every key that the tasks of a test have left. */
async function keysLeft(): Promise<readonly string[]> {
  const client = await site.client();
  return (await client.keys(`${site.prefix}*`)).map((key) => key.slice(site.prefix.length)).toSorted();
}

/** As long as a late insert is refused; here it is over at once. */
async function dropFences(): Promise<void> {
  const client = await site.client();
  const fences = await client.keys(`${site.prefix}:{*}:gone:*`);
  if (fences.length > 0) await client.del(fences);
}

describe('the record of a task', () => {
  it('is what every version writes, from the insert to the end', async () => {
    const user = await site.user();
    const created = String(user.now.wall);
    const [first] = await user.add({ id: 'a', priority: 1000, ttl: 60 });
    await user.add({ id: 'b', priority: -1000, delay: 5 });
    const common = {
      created,
      timeout: '30',
      revision: '1',
      sequence: '1',
      attempt: '0',
      started: '-',
      bytes: '0',
    };
    const startBy = String(user.now.wall + 60_000);
    const a = { ...common, startBy, place: '1' };
    const texts = { spec: first.spec, payload: '"code":"run a"' };
    const size = String(JSON.stringify(first.spec).length + texts.payload.length);
    expect(await recordOf('a')).toMatchObject({
      ...a,
      ...texts,
      size,
      state: 'queued',
      core: { queuedAt: user.now.wall },
    });
    const place = String(2_000 * AGES + 2);
    expect(await recordOf('b')).toMatchObject({
      ...common,
      state: 'delayed',
      startBy: '-',
      place,
    });
    user.clock.advance(250);
    const held = await user.takeOne({ claimId: 'c', workerId: 'w', lease: 0.5 });
    const lease = JSON.stringify(held.lease);
    const claimed = {
      ...a,
      state: 'processing',
      revision: '2',
      sequence: '2',
      attempt: '1',
      started: String(user.now.wall),
    };
    expect(await recordOf('a')).toMatchObject({ ...claimed, spec: first.spec, lease, claim: 'w\nc' });
    await user.complete(held, '"ö"');
    const ended = await recordOf('a');
    expect(ended).toMatchObject({
      state: 'completed',
      revision: '3',
      sequence: '3',
      lease: '',
      claim: '',
      output: '"ö"',
    });
    const [attempt] = await user.store.findAttempts('a');
    const kept = [first.spec, ended.core, attempt].map((each) => JSON.stringify(each));
    const bytes = [...kept, texts.payload, '"ö"'];
    expect(ended.bytes).toBe(String(bytes.reduce((sum, text) => sum + Buffer.byteLength(text), 0)));
  });

  it('says nothing of a claim that has no id, and all of a lease of any length', async () => {
    const user = await site.user();
    await user.add({ id: 'a' }, { id: 'b', timeout: 12_345.6789 });
    const a = await user.takeOne({ lease: 1_234.56789 });
    const b = await user.takeOne();
    expect([await user.find('a'), await user.find('b')]).toEqual([a, b]);
    for (const held of [a, b]) await user.complete(held);
    expect((await recordOf('a')).claim).toBeUndefined();
  });

  it('counts with the same bytes when an earlier version has inserted it', async () => {
    const user = await site.user();
    const client = await site.client();
    await user.add({ id: 'a' }, { id: 'b' });
    const key = site.keys.task('default', 'a');
    await client.hset(key, 'head', (await client.hget(key, 'head'))?.replace(/ \d+$/, '') ?? '');
    for (const task of await user.take({ max: 2 })) await user.complete(task, '"output"');
    const [a, b] = await Promise.all(
      ['a', 'b'].map((id) => client.hget(site.keys.task('default', id), 'head')),
    );
    const bytes = b?.split(' ')[11];
    expect(Number(bytes)).toBeGreaterThan(100);
    expect([a?.split(' ').length, a?.split(' ')[11]]).toEqual([12, bytes]);
  });

  it('has the bytes that it had before it was restored', async () => {
    const user = await site.user();
    await user.add({ id: 'a' });
    await user.complete(await user.takeOne(), '"output"');
    const kept = await keptTasks(user.store);
    const before = await recordOf('a');
    await user.store.remove([await user.find('a')]);
    await dropFences();
    expect(await user.store.restore(kept)).toEqual([true]);
    const { bytes, size } = await recordOf('a');
    expect([bytes, size]).toEqual([before.bytes, before.size]);
  });

  it('keeps the bytes of its output when it ends again without one', async () => {
    const user = await site.user();
    await user.add({ id: 'a' });
    const held = await user.takeOne();
    const failed = fail(held, { leaseId: held.lease.id, random: 0 }, user.now);
    const bytes = async () => Number((await recordOf('a')).bytes);
    const failedTask = await user.write(failed, '"partial"');
    const before = await bytes();
    await user.redrive(failedTask);
    await user.write(cancel(await user.find('a'), undefined, user.now));
    const { core, size } = await recordOf('a');
    expect(before).toBeGreaterThan(Number(size));
    expect(await bytes()).toBe(Number(size) + '"partial"'.length + JSON.stringify(core).length);
  });

  it('counts for the retention with exactly its bytes', async () => {
    const user = await site.user();
    await user.add({ id: 'waiting', queue: 'other' });
    for (const id of ['a', 'b']) {
      await user.add({ id });
      user.clock.advance(1);
      await user.complete(await user.takeOne());
    }
    const bytes = Number((await recordOf('a')).bytes) + Number((await recordOf('b')).bytes);
    const within = await site.user({ settings: { retentionMaxBytes: bytes } });
    expect([await within.dueIds(), await within.store.untilDue()]).toEqual([[], 86_399_999]);
    const over = await site.user({ settings: { retentionMaxBytes: bytes - 1 } });
    expect([await over.dueIds(), await over.store.untilDue()]).toEqual([['a'], 0]);
    await over.store.remove([await over.find('a')]);
    expect(await (await site.user({ settings: { retentionMaxBytes: bytes / 2 } })).dueIds()).toEqual([]);
  });
});

/** Tasks in every state, with and without a claim id. */
async function fill(user: StoreUser): Promise<void> {
  await user.add(...['a', 'b', 'c', 'd', 'e'].map((id) => ({ id, maxAttempts: 2 })), { id: 'f', ttl: 1 });
  await user.add({ id: 'g', delay: 60 }, { id: 'h', priority: -1 });
  await user.complete(await user.takeOne(), '1');
  await user.fail(await user.takeOne({ claimId: 'c1' }), 'no', 0);
  await user.release(await user.takeOne({ claimId: 'c2' }));
  await user.takeOne({ claimId: 'c3' });
  await user.takeOne();
  await user.write(cancel(await user.find('h'), undefined, user.now));
  user.clock.advance(1_000);
  await user.tick(await user.find('f'));
}

describe('what is left when all tasks are gone', () => {
  const LEFT = [':claim:worker-1\nc1', ':claim:worker-1\nc2', ':claim:worker-1\nc3'];
  const QUEUE = [':queues', ':{default}:events', ':{default}:meta'];

  it('is nothing of a task that was removed', async () => {
    const user = await site.user();
    await fill(user);
    const tasks = await user.list();
    expect(tasks).toHaveLength(8);
    expect(await user.store.remove(tasks)).toEqual(tasks.map(() => true));
    await dropFences();
    expect(await keysLeft()).toEqual([...LEFT, ...QUEUE]);
    const client = await site.client();
    expect(await client.hget(`${site.keys.queue('default')}:meta`, 'endedBytes')).toBeNull();
    for (const key of LEFT) expect(await client.pttl(`${site.prefix}${key}`)).toBeGreaterThan(60_000);
  });

  it('is nothing of a document but the number that counts up', async () => {
    const { documents } = await site.open();
    const revision = await documents.put('batch', { id: 'a', text: '1', expected: 0 });
    expect(await documents.remove('batch', 'a', revision ?? 0)).toBe(true);
    expect(await keysLeft()).toEqual([':documents:{batch}:version']);
  });

  it('is nothing of groups, requirements and batches', async () => {
    const user = await site.user();
    await user.store.settings.change('default', { maxConcurrencyPerGroup: 1 });
    for (const group of ['a', 'b']) {
      const tasks = [0, 1, 2].map((at) => ({ id: `${group}${at}`, group, batchId: 'batch', priority: at }));
      await user.add(...tasks, { id: `${group}-gpu`, group, requires: { gpu: 'yes' } });
    }
    await user.complete(await user.takeOne());
    await user.take({ max: 9, labels: { gpu: 'yes' } });
    await user.write(cancel(await user.find('a-gpu'), undefined, user.now));
    const tasks = await user.list();
    expect(await user.store.remove(tasks)).toEqual(tasks.map(() => true));
    await dropFences();
    expect(await keysLeft()).toEqual([...QUEUE, ':{default}:settings'].toSorted());
  });

  it('is nothing of a task that was cleared', async () => {
    const user = await site.user();
    await fill(user);
    // A queue of plain tasks has no lanes, groups and batches.
    const plain = /:\{default\}:(?:attempts|claim|due|ended|events|leases|meta|ready|state|task)(?::[^:]*)?$/;
    const keys = (await keysLeft()).filter((key) => key.includes('{'));
    expect(keys.filter((key) => !plain.test(key) || key.includes(':ready:'))).toEqual([]);
    expect(await user.store.clear({})).toBe(8);
    await dropFences();
    expect(await keysLeft()).toEqual([...LEFT, ':generation', ...QUEUE]);
    const client = await site.client();
    expect(await client.hget(`${site.keys.queue('default')}:meta`, 'endedBytes')).toBeNull();
  });
});
