import { cancel, heartbeat } from '../../../../src/task/task.machine.js';
import { TASK_STATES } from '../../../../src/task/task-state.js';
import { byId, idsOf, type StoreUser, the } from '../../../support/store-user.js';
import { StoreWitness } from '../../../support/store-witness.js';
import { useRedis } from './redis.site.js';

const site = useRedis();

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

async function pair(): Promise<readonly [StoreUser, StoreUser]> {
  return [await site.user(), await site.user()];
}

describe('two instances at one Redis', () => {
  it('answer the same tasks to the same claim at the same time', async () => {
    const users = await pair();
    await users[0].add(...range(200).map((index) => ({ id: `t${index}` })));
    for (const round of range(20)) {
      const wish = { claimId: `claim ${round}`, max: 3 };
      const claims = await Promise.all(range(6).map((caller) => users[caller % 2 ? 1 : 0].take(wish)));
      expect(idsOf(claims[0] ?? [])).toHaveLength(3);
      for (const claim of claims) expect(byId(claim)).toEqual(byId(claims[0] ?? []));
    }
    expect(await users[1].list({ states: ['processing'] })).toHaveLength(60);
  });

  it('remember where a claim took tasks for as long as its leases may last, also when it is repeated', async () => {
    const [one, other] = await pair();
    await one.add({ id: 'a', queue: 'a' });
    const wish = { claimId: 'c', lease: 7_200, workerId: 'w' };
    const held = await one.takeOne({ ...wish, queues: ['a'] });
    expect(await other.take({ ...wish, queues: ['b'] })).toEqual([held]);
    const client = await site.client();
    expect(await client.pttl(site.keys.claim('w\nc'))).toBeGreaterThan(7_200_000);
  });

  it('hand every task to one caller', async () => {
    const users = await pair();
    await users[0].add(...range(300).map((index) => ({ id: `t${index}` })));
    const claims = await Promise.all(
      range(80).map((caller) => users[caller % 2 ? 1 : 0].take({ max: 4, workerId: `w${caller}` })),
    );
    const taken = idsOf(claims.flat());
    expect(taken).toHaveLength(300);
    expect(new Set(taken).size).toBe(300);
  });

  it('let one of two writes of the same revision through', async () => {
    const [one, other] = await pair();
    for (const round of range(50)) {
      const [task] = await one.add({ id: `t${round}` });
      const transitions = ['one', 'other'].map((reason) => cancel(task, reason, one.now));
      const writes = await Promise.all(
        transitions.map((transition, index) =>
          (index ? other : one).store.replace(transition ? [transition] : []),
        ),
      );
      expect(writes.flat().toSorted()).toEqual([false, true]);
      const winner = transitions[writes.findIndex(([isWritten]) => isWritten)];
      expect(await one.find(task.spec.id)).toEqual(winner?.task);
    }
  });

  it('tell a task from a later one of its id that another instance inserted in the same millisecond', async () => {
    const [one, other] = await pair();
    const [read] = await one.add({ id: 'a' });
    await other.store.remove([await other.find('a')]);
    const [fresh] = await other.add({ id: 'a' });
    const transition = cancel(read, undefined, one.now);
    expect(await one.store.replace(transition ? [transition] : [])).toEqual([false]);
    expect(await one.store.remove([read])).toEqual([false]);
    expect(await one.find('a')).toEqual(fresh);
  });

  it('find a task in its new queue, wherever they saw it last', async () => {
    const [one, other] = await pair();
    await one.add({ id: 'a', queue: 'old' });
    await one.find('a');
    await other.store.remove([await other.find('a')]);
    expect(await one.store.find('a')).toBeUndefined();
    await other.addWith('"code":"new"', { id: 'a', queue: 'new' });
    expect((await one.find('a')).spec.queue).toBe('new');
    expect(await one.store.findPayload('a')).toBe('"code":"new"');
    expect(await one.store.findAttempts('a')).toEqual([]);
  });

  it('hear of the clears of each other', async () => {
    const [one, other] = await pair();
    const before = other.store.generation;
    await one.store.clear({});
    const witness = new StoreWitness(other.store);
    await witness.settle(other);
    expect(other.store.generation).toBe(before + 1);
    expect((await site.open()).generation).toBe(before + 1);
  });

  it('list each task once, whatever others do meanwhile', async () => {
    const [one, other] = await pair();
    const ids = range(20).map((index) => `t${index}`);
    await one.add(...ids.map((id) => ({ id, maxInterruptions: 10_000 })));
    let isDone = false;
    const moving = (async () => {
      while (!isDone) for (const task of await other.take({ max: 20 })) await other.release(task);
    })();
    const states = TASK_STATES;
    for (const round of range(150)) {
      const { tasks } = await one.store.views.list(round % 2 ? { limit: 100 } : { limit: 100, states });
      expect(idsOf(tasks)).toEqual(ids.toReversed());
    }
    isDone = true;
    await moving;
  });
});

describe('a watcher at one instance', () => {
  it('sees the transitions that another makes, in order', async () => {
    const [one, other] = await pair();
    const witness = new StoreWitness(other.store);
    await one.add(...range(20).map((index) => ({ id: `t${index}` })));
    for (const task of await one.take({ max: 20 })) {
      await one.store.replace([{ task: heartbeat(task, { leaseId: task.lease.id }, one.now) }]);
      await one.complete(await one.find(task.spec.id));
    }
    await witness.settle(one);
    for (const index of range(20)) {
      expect(witness.statesOf(`t${index}`)).toEqual(['queued', 'processing', 'completed']);
    }
    expect(witness.disturbances).toBe(0);
  });

  it('is told when its subscription was cut, and sees what comes after', async () => {
    const [one, other] = await pair();
    const witness = new StoreWitness(other.store);
    const disturbed = new Promise<void>((resolve) =>
      other.store.watch({ onTransitions: () => undefined, onGap: resolve }),
    );
    const client = await site.client();
    expect(await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')).toBe(2);
    await disturbed;
    expect(other.store.isAvailable).toBe(true);
    await one.add({ id: 'after' });
    await witness.settle(one);
    expect(witness.lines).toEqual(['after queued']);
    expect(witness.disturbances).toBe(1);
  });

  it('is not troubled by what is no move', async () => {
    const [one, other] = await pair();
    const witness = new StoreWitness(other.store);
    const client = await site.client();
    for (const text of ['', '{}', 'q', 'q\nqueued', 'q\nnone\nx', 'queued\nq\nx', '\n\n\n\n']) {
      await client.publish(`${site.prefix}:moves`, text);
    }
    await one.add({ id: 'a' });
    await witness.settle(one);
    expect(the(witness.lines)).toBe('a queued');
  });
});
