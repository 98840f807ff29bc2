import { contentsOf } from '../../support/store-contents.js';
import { StoreFeed } from '../../support/store-feed.js';
import type { StartStore } from '../../support/store-harness.js';
import { byId, claimOf, idsOf, payloadOf } from '../../support/store-user.js';
import { heartbeat, tick } from '../../../src/task/task.machine.js';
import type { Task } from '../../../src/task/task.js';

export function describeClaim(start: StartStore): void {
  it('answers what the machine says of a claim', async () => {
    const user = await start();
    const [task] = await user.add({ ttl: 60, timeout: 2.5 });
    user.clock.advance(1_234.5);
    user.clock.setWall(user.now.wall + 777);
    const request = user.request({ workerId: 'w', claimId: 'c', grace: 7.5 });
    const claimed = await user.store.claim(request);
    expect(claimed).toEqual(claimOf([task], request, user.now));
    expect(await user.store.find('task-1')).toEqual(claimed[0]?.task);
  });

  it('holds a task for as long as the worker asked', async () => {
    const user = await start();
    const [task] = await user.add({});
    const request = user.request({ lease: 0.25, workerId: undefined });
    expect(await user.store.claim(request)).toEqual(claimOf([task], request, user.now));
  });

  it('hands out nothing when nothing is ready', async () => {
    const user = await start();
    expect(await user.take()).toEqual([]);
    await user.add({ id: 'elsewhere', queue: 'other' }, { id: 'later', delay: 1 });
    expect(await user.take()).toEqual([]);
    expect(await user.take({ queues: [], max: 5 })).toEqual([]);
    expect(await user.take({ queues: ['other'], max: 0 })).toEqual([]);
    expect((await user.find('elsewhere')).state).toBe('queued');
  });

  it('hands out a delayed task only once it was queued', async () => {
    const user = await start();
    const [task] = await user.add({ delay: 1 });
    user.clock.advance(1_000);
    expect(await user.take()).toEqual([]);
    const ready = await user.tick(task);
    const request = user.request();
    expect(await user.store.claim(request)).toEqual(claimOf([ready], request, user.now));
  });

  it('takes higher priorities first and the older one of equals', async () => {
    const user = await start();
    const priorities = [0, 5, -1000, 5, 1000, 0, -1, 1, 1000];
    await user.add(...priorities.map((priority, index) => ({ id: `t${index}`, priority })));
    const taken: Task[] = [];
    while (taken.length < priorities.length) taken.push(await user.takeOne());
    expect(idsOf(taken)).toEqual(['t4', 't8', 't1', 't3', 't7', 't0', 't5', 't6', 't2']);
    expect(await user.take()).toEqual([]);
  });

  it('answers several tasks in order, at most one for each lease', async () => {
    const user = await start();
    const [low, high, middle] = await user.add(
      { id: 'low', priority: 1 },
      { id: 'high', priority: 3 },
      { id: 'middle', priority: 2 },
    );
    const request = user.request({ max: 2 });
    expect(await user.store.claim(request)).toEqual(claimOf([high, middle], request, user.now));
    const more = user.request({ max: 5 });
    expect(await user.store.claim(more)).toEqual(claimOf([low], more, user.now));
  });

  it('looks at the queues in the order given, whatever the priorities', async () => {
    const user = await start();
    await user.add(
      { id: 'b-high', queue: 'b', priority: 9 },
      { id: 'a-low', queue: 'a', priority: 0 },
      { id: 'c-mid', queue: 'c', priority: 5 },
      { id: 'a-mid', queue: 'a', priority: 5 },
    );
    expect(idsOf(await user.take({ queues: ['a', 'none', 'b'], max: 2 }))).toEqual(['a-mid', 'a-low']);
    expect(idsOf(await user.take({ queues: ['a', 'b', 'a', 'b'], max: 5 }))).toEqual(['b-high']);
    expect(idsOf(await user.take({ queues: ['b', 'a', 'c'], max: 5 }))).toEqual(['c-mid']);
  });

  it('hands every task to one caller when many claim at once', async () => {
    const user = await start();
    await user.add(...Array.from({ length: 200 }, (_, index) => ({ id: `t${index}`, priority: index % 3 })));
    const claims = await Promise.all(
      Array.from({ length: 60 }, (_, index) => user.take({ max: 1 + (index % 7), workerId: `w${index}` })),
    );
    const taken = claims.flat();
    expect(new Set(idsOf(taken)).size).toBe(200);
    expect(taken).toHaveLength(200);
    expect(new Set(taken.map(({ lease }) => lease.id)).size).toBe(200);
    for (const task of taken) expect(await user.find(task.spec.id)).toEqual(task);
  });

  it('gives each of as many callers as there are tasks one of them', async () => {
    const user = await start();
    await user.add(...Array.from({ length: 40 }, (_, index) => ({ id: `t${index}` })));
    const claims = await Promise.all(Array.from({ length: 40 }, () => user.take()));
    expect(claims.map((claim) => claim.length)).toEqual(Array(40).fill(1));
  });

  describe('of tasks that were not started in time', () => {
    it('still hands one out a millisecond before', async () => {
      const user = await start();
      const [task] = await user.add({ ttl: 10 });
      user.clock.advance(9_999);
      const request = user.request();
      expect(await user.store.claim(request)).toEqual(claimOf([task], request, user.now));
    });

    it('expires it on the way and hands out the next', async () => {
      const user = await start();
      const feed = new StoreFeed(user.store);
      const [late, good] = await user.add({ id: 'late', ttl: 10 }, { id: 'good' });
      user.clock.advance(10_000);
      const request = user.request();
      expect(await user.store.claim(request)).toEqual(claimOf([good], request, user.now));
      const expiry = tick(late, user.now);
      expect(await user.find('late')).toEqual(expiry?.task);
      expect(await user.store.views.position(late)).toBeUndefined();
      await feed.settle(user);
      expect(feed.of('late').slice(1)).toEqual([{ ...expiry, id: expect.any(Number) }]);
      expect(feed.lines).toEqual(['late queued 1', 'good queued 1', expect.any(String), expect.any(String)]);
    });

    it('expires them when there is nothing else', async () => {
      const user = await start();
      await user.add({ id: 'a', ttl: 1 }, { id: 'b', ttl: 2 });
      user.clock.advance(1_000);
      await user.add({ id: 'c', ttl: 0.5 });
      user.clock.advance(1_000);
      expect(await user.take({ max: 2 })).toEqual([]);
      expect((await user.list({ states: ['expired'] })).map(({ spec }) => spec.id)).toEqual(['c', 'b', 'a']);
      await user.harness.reopen();
      expect((await user.find('a')).state).toBe('expired');
    });

    it('gets past any number of them and fills the claim', async () => {
      const user = await start();
      await user.add(
        ...Array.from({ length: 500 }, (_, index) => ({ id: `late-${index}`, ttl: 1, priority: 2 })),
      );
      await user.add({ id: 'one' }, { id: 'two' }, { id: 'behind', ttl: 1, priority: 0 });
      user.clock.advance(1_000);
      const request = user.request({ max: 2 });
      const tasks = [await user.find('one'), await user.find('two')];
      expect(await user.store.claim(request)).toEqual(claimOf(tasks, request, user.now));
      expect(await user.list({ states: ['expired'] })).toHaveLength(500);
      expect((await user.find('behind')).state).toBe('queued');
    });
  });

  describe('repeated with its claim_id', () => {
    const again = { queues: ['a'], max: 3, claimId: 'claim-1' };

    it('answers the tasks that it still holds, and only those', async () => {
      const user = await start();
      await user.add(...['t1', 't2', 't3', 't4', 't5', 't6'].map((id) => ({ id, queue: 'a' })));
      const [done, back, kept] = await user.take(again);
      await user.take({ queues: ['a'], claimId: 'claim-2' });
      await user.take({ queues: ['a'] });
      if (!done || !back || !kept) throw new Error('The claim got less than it asked for');
      await user.complete(done);
      await user.release(back);
      expect(await user.take(again)).toEqual([kept]);
      expect(await user.take(again)).toEqual([kept]);
      expect((await user.find('t6')).state).toBe('queued');
    });

    it('changes and tells nothing', async () => {
      const user = await start();
      const feed = new StoreFeed(user.store);
      await user.add({ id: 't1', queue: 'a' }, { id: 't2', queue: 'a' });
      const first = await user.store.claim(user.request({ ...again, max: 1 }));
      const before = await contentsOf(user.store);
      expect(await user.store.claim(user.request({ ...again, max: 1 }))).toEqual(first);
      expect(await contentsOf(user.store)).toEqual(before);
      await feed.settle(user);
      expect(feed.lines).toEqual(['t1 queued 1', 't2 queued 1', 't1 processing 2']);
    });

    it('answers a task as its heartbeats left it', async () => {
      const user = await start();
      await user.add({ queue: 'a' });
      const held = await user.takeOne(again);
      user.clock.advance(1_000);
      const beat = { leaseId: held.lease.id, extend: 500, progress: { percent: 5 } };
      const task = heartbeat(held, beat, user.now);
      await user.store.replace([{ task }]);
      expect(await user.store.claim(user.request(again))).toEqual([{ task, payload: payloadOf() }]);
    });

    it('answers the tasks of every queue that it took from', async () => {
      const user = await start();
      await user.add({ id: 't1', queue: 'a' }, { id: 't2', queue: 'b' }, { id: 't3', queue: 'b' });
      const held = await user.take({ queues: ['a', 'b'], max: 2, claimId: 'claim-1' });
      expect(idsOf(held)).toEqual(['t1', 't2']);
      for (const queues of [['a', 'b'], ['b'], ['c']]) {
        expect(byId(await user.take({ queues, max: 2, claimId: 'claim-1' }))).toEqual(held);
      }
    });

    it('answers them in the order in which they were claimed', async () => {
      const user = await start();
      const specs = [3, 1, 2, 3, 1, 2].map((priority, index) => ({ id: `t${index}`, queue: 'a', priority }));
      await user.add(...specs);
      const held = await user.take({ ...again, max: 6 });
      expect(idsOf(held)).toEqual(['t0', 't3', 't2', 't5', 't1', 't4']);
      expect(await user.take({ ...again, max: 6 })).toEqual(held);
    });

    it('claims anew when everything has ended', async () => {
      const user = await start();
      await user.add({ id: 't1', queue: 'a' }, { id: 't2', queue: 'a' });
      await user.complete(await user.takeOne({ ...again, max: 1 }));
      expect(idsOf(await user.take({ ...again, max: 1 }))).toEqual(['t2']);
    });

    it('does not answer a task whose lease has ended', async () => {
      const user = await start();
      await user.add({ id: 't1', queue: 'a' }, { id: 't2', queue: 'a' });
      const held = await user.takeOne({ ...again, max: 1, lease: 10 });
      user.clock.advance(9_999);
      expect(await user.take({ ...again, max: 1 })).toEqual([held]);
      user.clock.advance(1);
      expect(idsOf(await user.take({ ...again, max: 1 }))).toEqual(['t2']);
    });

    it('does not answer a task that somebody else claimed meanwhile', async () => {
      const user = await start();
      await user.add({ queue: 'a' });
      await user.release(await user.takeOne(again));
      await user.takeOne({ queues: ['a'], claimId: 'claim-2' });
      expect(await user.take(again)).toEqual([]);
    });

    it('answers the same tasks after the store was opened again', async () => {
      const user = await start();
      await user.add(...['t1', 't2', 't3', 't4'].map((id) => ({ id, queue: 'a' })));
      const held = await user.take(again);
      await user.harness.reopen();
      expect(byId(await user.take(again))).toEqual(byId(held));
      expect(idsOf(await user.take({ queues: ['a'], max: 9 }))).toEqual(['t4']);
    });

    it.each(['é', '日本', '🙂 worker\n', 'c'.repeat(300)])(
      'tells claims apart whatever their names: %s',
      async (name) => {
        const user = await start();
        const wish = { queues: ['a'], workerId: name, claimId: `${name} 1` };
        await user.add({ id: 't1', queue: 'a' }, { id: 't2', queue: 'a' });
        const held = await user.takeOne(wish);
        const other = await user.takeOne({ ...wish, claimId: `${name} 2` });
        await user.harness.reopen();
        expect(await user.take(wish)).toEqual([held]);
        await user.release(held);
        expect(idsOf(await user.take({ ...wish, claimId: `${name} 3` }))).toEqual(['t1']);
        expect(await user.take(wish)).toEqual([]);
        expect(await user.take({ ...wish, claimId: `${name} 2` })).toEqual([other]);
      },
    );

    it('answers one set of tasks to callers at the same time', async () => {
      const user = await start();
      await user.add(...Array.from({ length: 12 }, (_, index) => ({ id: `t${index}`, queue: 'a' })));
      const claims = await Promise.all([user.take(again), user.take(again), user.take(again)]);
      for (const claim of claims) expect(byId(claim)).toEqual(byId(claims[0] ?? []));
      expect(await user.list({ states: ['processing'] })).toHaveLength(3);
    });

    it('forgets the claim with its tasks', async () => {
      const user = await start();
      await user.add({ id: 't1', queue: 'a' });
      await user.store.remove([await user.takeOne(again)]);
      expect(await user.take(again)).toEqual([]);
      await user.add({ id: 't1', queue: 'a' });
      await user.takeOne(again);
      await user.store.clear({});
      expect(await user.take(again)).toEqual([]);
    });
  });

  it('does not take claims without a claim_id for one claim', async () => {
    const user = await start();
    await user.add({ id: 't1' }, { id: 't2' });
    expect(idsOf([await user.takeOne(), await user.takeOne()])).toEqual(['t1', 't2']);
  });
}
