import { jest } from '@jest/globals';
import { LuaScript } from '../../../../src/storage/redis/connection/lua-script.js';
import type { NewTask } from '../../../../src/storage/task-store.js';
import { contentsOf } from '../../../support/store-contents.js';
import { idsOf, type StoreUser } from '../../../support/store-user.js';
import { useRedis } from './redis.site.js';

const site = useRedis();
const COUNT = 7;
const SIZE = 200_000;

afterEach(() => {
  jest.restoreAllMocks();
});

/** More payload than one script carries: each of them is staged by a script of its own. */
function largeItems(user: StoreUser, prefix = 't'): readonly NewTask[] {
  return Array.from({ length: COUNT }, (_, index) =>
    user.newTask({ id: `${prefix}${index}`, group: 'g', batchId: 'b' }, payloadOf(index)),
  );
}

function payloadOf(index: number): string {
  return `"code":"${String(index).repeat(SIZE)}"`;
}

async function stagedKeys(): Promise<readonly string[]> {
  return (await site.client()).keys(`${site.prefix}:*:staged:*`);
}

/** Stops every process when so many tasks are staged, before its next script, until one lets it go on. */
function stopWhenStaged(count: number) {
  const run = Reflect.get(LuaScript.prototype, 'run');
  let stop: () => void = () => undefined;
  let end: (error?: Error) => void = () => undefined;
  const isStopped = new Promise<void>((resolve) => (stop = resolve));
  const isOver = new Promise<void>((resolve, reject) => {
    end = (error) => {
      if (error === undefined) resolve();
      else reject(error);
    };
  });
  const spy = jest.spyOn(LuaScript.prototype, 'run').mockImplementation(async function (
    this: LuaScript,
    ...args
  ) {
    if ((await stagedKeys()).length === count) {
      spy.mockRestore();
      stop();
      await isOver;
    }
    return run.apply(this, args);
  });
  return { isStopped, end };
}

describe.each([false, true])('a call with large payloads (by the ways of a Cluster: %s)', (isCluster) => {
  it('leaves nothing behind in the end', async () => {
    const user = await site.user({ isCluster });
    expect(await user.store.insert(largeItems(user))).toEqual(Array(COUNT).fill(undefined));
    expect(await stagedKeys()).toEqual([]);
    const client = await site.client();
    expect(await client.pttl(site.keys.task('default', 't3'))).toBe(-1);
    const claimed = await user.store.claim(user.request({ max: COUNT }));
    expect(claimed.map(({ payload }) => payload)).toEqual(largeItems(user).map(({ payload }) => payload));
    expect(await user.store.views.countBatch('b')).toMatchObject([{ counts: { processing: COUNT } }]);
  });

  it.each([1, 4, COUNT])(
    'shows nothing when it ends after %i scripts, and can be sent again',
    async (count) => {
      const user = await site.user({ isCluster });
      const other = await site.user({ isCluster });
      const items = largeItems(user);
      const before = await contentsOf(other.store);
      const { isStopped, end } = stopWhenStaged(count);
      const applied = count < COUNT ? false : 'unknown';
      const lost = expect(user.store.insert(items)).rejects.toMatchObject({ applied });
      await isStopped;
      expect(await contentsOf(other.store)).toEqual(before);
      for (const { transition } of items) {
        expect(await other.store.find(transition.task.spec.id)).toBeUndefined();
        expect(await other.store.findPayload(transition.task.spec.id)).toBeUndefined();
      }
      expect(await other.take({ max: COUNT })).toEqual([]);
      expect(await other.store.views.countBatch('b')).toEqual([]);
      const client = await site.client();
      for (const key of await stagedKeys()) expect(await client.pttl(key)).toBeGreaterThan(0);
      expect(await other.store.insert(items)).toEqual(Array(COUNT).fill(undefined));
      expect(idsOf(await other.take({ max: COUNT }))).toEqual(
        items.map(({ transition }) => transition.task.spec.id),
      );
      end(new Error('The process has ended'));
      await lost;
    },
  );

  it('has the tasks that others have enqueued meanwhile answered, and the rest inserted', async () => {
    const user = await site.user({ isCluster });
    const other = await site.user({ isCluster });
    const items = [...largeItems(user), user.newTask({ id: 't0' }, payloadOf(9))];
    const { isStopped, end } = stopWhenStaged(COUNT);
    const inserting = user.store.insert(items);
    await isStopped;
    const [taken] = await other.add({ id: 't3' });
    end();
    const answers = await inserting;
    const first = await user.find('t0');
    const isNew = Array<undefined>(3).fill(undefined);
    expect(answers).toEqual([...isNew, taken, ...isNew, first]);
    expect(await user.store.findPayload('t0')).toBe(payloadOf(0));
    expect(idsOf(await user.list())).toHaveLength(COUNT);
    expect(await stagedKeys()).toEqual([]);
  });

  it('inserts nothing when Redis has lost a part of it', async () => {
    const user = await site.user({ isCluster });
    const { isStopped, end } = stopWhenStaged(COUNT);
    const refused = expect(user.store.insert(largeItems(user))).rejects.toMatchObject({ applied: false });
    await isStopped;
    const client = await site.client();
    const [key = ''] = await stagedKeys();
    await client.del(key);
    end();
    await refused;
    expect(await user.list()).toEqual([]);
    await user.store.insert(largeItems(user));
    expect(await user.list()).toHaveLength(COUNT);
  });
});

describe('a call with large payloads of which an insert was given up', () => {
  it('inserts none of them then, and all of them at once after that', async () => {
    const user = await site.user({ isCluster: true });
    const { isStopped, end } = stopWhenStaged(COUNT);
    const inserting = user.store.insert(largeItems(user));
    await isStopped;
    const client = await site.client();
    const [nonce = ''] = ((await client.get(site.keys.entry('t2'))) ?? '').split(' ');
    await client.set(`${site.keys.queue('default')}:gone:t2`, nonce, 'PX', 60_000);
    const again = stopWhenStaged(COUNT);
    end();
    await again.isStopped;
    expect(await (await site.user({ isCluster: true })).list()).toEqual([]);
    again.end();
    expect(await inserting).toEqual(Array(COUNT).fill(undefined));
    expect(await user.list()).toHaveLength(COUNT);
  });
});
