import { TaskChanger } from '../../../../src/queue/task-changer.js';
import { KnownHeads } from '../../../../src/storage/redis/records/known-heads.js';
import { LeaseLost, TaskNotFound } from '../../../../src/task/task.errors.js';
import { cancel, complete, heartbeat } from '../../../../src/task/task.machine.js';
import type { ProcessingTask } from '../../../../src/task/task.js';
import type { StoreUser } from '../../../support/store-user.js';
import { processingTask } from '../../../support/task.builders.js';
import { useRedis } from './redis.site.js';

const site = useRedis();

/** Ends a task as the service does that this user's store belongs to. */
function finish({ store }: StoreUser, { spec, lease }: ProcessingTask) {
  return new TaskChanger(store).change(spec.id, (task, now) => complete(task, { leaseId: lease.id }, now));
}

async function scriptsRun(): Promise<number> {
  const text = await (await site.client()).info('commandstats');
  return [...text.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)].reduce((sum, [, n]) => sum + Number(n), 0);
}

/** Everything in Redis, to be put back as after a failover that lost what came later. */
async function snapshot(): Promise<() => Promise<void>> {
  const client = await site.client();
  const dumps = new Map<string, Buffer>();
  for (const key of await client.keys(`${site.prefix}*`)) {
    const dump = await client.dumpBuffer(key);
    if (dump !== null) dumps.set(key, dump);
  }
  return async () => {
    await client.flushall();
    for (const [key, dump] of dumps) await client.restore(key, 0, dump);
  };
}

describe('a task that this process has claimed', () => {
  it('is ended without being read', async () => {
    const user = await site.user();
    await user.add({ id: 'z' }, { id: 'a' });
    // Redis is sent the text of a script that it does not know yet in a second command.
    await finish(user, await user.takeOne());
    const held = await user.takeOne();
    const before = await scriptsRun();
    expect(await finish(user, held)).toMatchObject({ state: 'completed', revision: 3 });
    expect((await scriptsRun()) - before).toBe(1);
    expect(await user.find('a')).toMatchObject({ state: 'completed', revision: 3 });
  });

  it('is remembered as its heartbeats wrote it, and no longer than it is held', async () => {
    const user = await site.user();
    await user.add({ id: 'a' });
    const { lease } = await user.takeOne();
    const changer = new TaskChanger(user.store);
    for (const revision of [3, 4]) {
      const beat = await changer.change('a', (task, now) => ({
        task: heartbeat(task, { leaseId: lease.id }, now),
      }));
      expect([beat.revision, user.store.recall('a')]).toEqual([revision, beat]);
    }
    await user.write(cancel(await user.find('a'), undefined, user.now));
    expect(user.store.recall('a')).toBeUndefined();
  });

  it('is ended by the lease that another process has given out since, and not by its own', async () => {
    const [user, other] = [await site.user(), await site.user()];
    await user.add({ id: 'a' });
    const before = await user.takeOne();
    await other.release(before);
    // Both count their leases from 1.
    const wish = other.request();
    const [later] = await other.store.claim({ ...wish, leaseIds: ['later'] });
    if (later === undefined) throw new Error('Nothing was claimed');
    await expect(finish(user, before)).rejects.toThrow(LeaseLost);
    expect(await finish(user, later.task)).toMatchObject({ state: 'completed', attempt: 2 });
  });

  it('is refused as it is now, when another process has ended or cleared it', async () => {
    const [user, other] = [await site.user(), await site.user()];
    await user.add({ id: 'a' }, { id: 'b' });
    const [first, second] = await user.take({ max: 2 });
    if (first === undefined || second === undefined) throw new Error('Not both were claimed');
    await other.write(cancel(first, undefined, other.now));
    await expect(finish(user, first)).rejects.toMatchObject({ reason: 'cancelled' });
    await other.store.clear({});
    await expect(finish(user, second)).rejects.toThrow(TaskNotFound);
  });

  it('is let go of when another process has ended it, also when it might have an output already', async () => {
    const [user, other] = [await site.user(), await site.user()];
    await user.add({ id: 'a' });
    await user.release(await user.takeOne());
    expect(await user.takeOne()).toMatchObject({ attempt: 2 });
    await other.write(cancel(await other.find('a'), undefined, other.now));
    const changer = new TaskChanger(user.store);
    expect(await changer.change('a', (task, now) => cancel(task, undefined, now))).toMatchObject({
      state: 'cancelled',
    });
    expect(user.store.recall('a')).toBeUndefined();
  });

  it('is not ended by a claim that a failover has forgotten', async () => {
    const [user, other] = [await site.user(), await site.user()];
    await user.add({ id: 'a' });
    const putBack = await snapshot();
    const forgotten = await user.takeOne();
    await putBack();
    site.clock.advance(1);
    const [later] = await other.store.claim({ ...other.request(), leaseIds: ['later'] });
    expect(later?.task).toMatchObject({ revision: forgotten.revision, attempt: forgotten.attempt });
    await expect(finish(user, forgotten)).rejects.toThrow(LeaseLost);
    expect(await other.find('a')).toEqual(later?.task);
  });

  it('is forgotten when Redis was away', async () => {
    const user = await site.user();
    await user.add({ id: 'a' });
    await user.takeOne();
    const isBack = new Promise<void>((resolve) => {
      user.store.watch({
        onTransitions: () => undefined,
        onGap: () => {
          if (user.store.isAvailable) resolve();
        },
      });
    });
    await (await site.client()).call('CLIENT', 'KILL', 'TYPE', 'normal');
    await isBack;
    expect(user.store.recall('a')).toBeUndefined();
  });
});

describe('what is remembered of held tasks', () => {
  it('is bounded: the oldest are forgotten first, and half of them are always there', () => {
    const heads = new KnownHeads();
    const remember = (index: number) => {
      heads.rememberWrite(processingTask({ spec: { id: `t${index}` } }), `head ${index}`);
    };
    const has = (index: number) => heads.recall(`t${index}`) !== undefined;
    for (let index = 0; index < 9_999; index += 1) remember(index);
    expect([0, 4_999, 9_998].map(has)).toEqual([true, true, true]);
    remember(1);
    expect([0, 1, 4_999, 5_000, 9_998].map(has)).toEqual([false, true, false, true, true]);
    heads.forget(processingTask({ spec: { id: 't1' } }));
    heads.forget(processingTask({ spec: { id: 't9998' } }));
    expect([1, 5_000, 9_998].map(has)).toEqual([false, true, false]);
    heads.forgetWrites();
    expect(has(5_000)).toBe(false);
  });
});
