import { contentsOf, totalOf } from '../../support/store-contents.js';
import { StoreFeed } from '../../support/store-feed.js';
import type { StartStore } from '../../support/store-harness.js';
import { SeededRandom } from '../../support/store-random.js';
import { idsOf, payloadOf, type StoreUser } from '../../support/store-user.js';
import {
  cancel,
  complete,
  heartbeat,
  redrive,
  release,
  type Transition,
  tick,
} from '../../../src/task/task.machine.js';
import { isFinished, type Task } from '../../../src/task/task.js';

const QUEUES = ['a', 'b'] as const;
const CALLERS = 12;
/** In a Cluster each id is a command of its own, and the machine may be busy. */
const MANY_LIMIT_MS = 120_000;

/** More than Lua can unpack, which is 8,000 values. */
const MANY = 8_500;
const CALLS_EACH = 25;

/** What a caller may do to a task that it just read; somebody else may write first. */
function stepFor(task: Task, user: StoreUser, random: SeededRandom): Transition | undefined {
  switch (task.state) {
    case 'delayed':
      return tick(task, user.now);
    case 'queued':
      return random.next() < 0.3 ? cancel(task, undefined, user.now) : undefined;
    case 'processing':
      return random.next() < 0.5
        ? complete(task, { leaseId: task.lease.id }, user.now)
        : release(task, { leaseId: task.lease.id }, user.now);
    case 'completed':
      return undefined;
    case 'failed':
    case 'cancelled':
    case 'expired':
      return redrive(task, user.now);
  }
}

/** One call, chosen at random. Answers how many tasks it inserted less those that it removed. */
async function callOnce(user: StoreUser, random: SeededRandom): Promise<number> {
  const { store } = user;
  const id = `t${random.below(60)}`;
  const choice = random.next();
  if (choice < 0.3) {
    const delay = random.next() < 0.2 ? 0.001 : 0;
    const answers = await store.insert([
      user.newTask({
        id,
        queue: QUEUES[random.below(2)],
        priority: random.below(3),
        delay,
        maxInterruptions: 99,
      }),
    ]);
    return answers.filter((answer) => answer === undefined).length;
  }
  if (choice < 0.6) {
    const claimId = random.next() < 0.3 ? `c${random.below(5)}` : undefined;
    await user.take({
      queues: random.next() < 0.5 ? ['a', 'b'] : ['b', 'a'],
      max: 1 + random.below(3),
      claimId,
    });
    return 0;
  }
  const task = await store.find(id);
  if (!task) return 0;
  if (choice < 0.65 && task.state === 'processing') {
    await store.replace([{ task: heartbeat(task, { leaseId: task.lease.id }, user.now) }]);
  } else if (choice < 0.7) {
    return -(await store.remove([task])).filter(Boolean).length;
  } else {
    const transition = stepFor(task, user, random);
    if (transition) await store.replace([transition]);
  }
  return 0;
}

/** What must be true of any store at rest, however it came there. */
async function expectWhole(user: StoreUser): Promise<void> {
  const tasks = await user.list();
  expect(new Set(idsOf(tasks)).size).toBe(tasks.length);
  expect(await totalOf(user.store)).toBe(tasks.length);
  for (const { queue, counts, oldestQueuedAt } of await user.store.views.counts()) {
    const inQueue = tasks.filter(({ spec }) => spec.queue === queue);
    for (const [state, count] of Object.entries(counts)) {
      expect([queue, state, count]).toEqual([
        queue,
        state,
        inQueue.filter((task) => task.state === state).length,
      ]);
    }
    const queued = inQueue.filter((task) => task.state === 'queued');
    expect(oldestQueuedAt).toBe(queued.at(-1)?.queuedAt);
    await expectPositions(user, queued);
  }
  for (const task of tasks) {
    expect(await user.store.find(task.spec.id)).toEqual(task);
    expect(await user.store.findPayload(task.spec.id)).toBe(payloadOf(task.spec.id));
    const { length } = await user.store.findAttempts(task.spec.id);
    expect(length).toBe(task.attempt - (task.state === 'processing' ? 1 : 0));
  }
}

/** `newestFirst` is the order of age, reversed. */
async function expectPositions(user: StoreUser, newestFirst: readonly Task[]): Promise<void> {
  const sorted = newestFirst.toReversed().toSorted((one, other) => other.spec.priority - one.spec.priority);
  const positions = await Promise.all(sorted.map((task) => user.store.views.position(task)));
  expect(positions).toEqual(sorted.map((_, index) => index + 1));
}

export function describeRaces(start: StartStore): void {
  it.each([11, 12, 13, 14])('adds up at rest (seed %i)', async (seed) => {
    const user = await start();
    const feed = new StoreFeed(user.store);
    const changes: number[] = [];
    await Promise.all(
      Array.from({ length: CALLERS }, async (_, caller) => {
        const random = new SeededRandom(seed * 1_000 + caller);
        for (let call = 0; call < CALLS_EACH; call++) {
          changes.push(await callOnce(user, random));
          user.clock.advance(1);
        }
      }),
    );
    const expected = changes.reduce((sum, change) => sum + change, 0);
    await feed.settle(user);
    expect(await totalOf(user.store)).toBe(expected);
    await expectWhole(user);
    await expectTold(user, feed);

    const before = await contentsOf(user.store);
    await user.harness.reopen();
    expect(await contentsOf(user.store)).toEqual(before);
    await expectWhole(user);
  });

  it(
    'does calls of many thousands of tasks',
    async () => {
      const user = await start();
      const items = Array.from({ length: MANY }, (_, index) => user.newTask({ id: `t${index}` }));
      expect((await user.store.insert(items)).every((answer) => answer === undefined)).toBe(true);
      const transitions = items.flatMap(
        ({ transition }) => cancel(transition.task, undefined, user.now) ?? [],
      );
      expect((await user.store.replace(transitions)).filter(Boolean)).toHaveLength(MANY);
      expect((await user.store.due(MANY)).length).toBe(0);
      expect((await user.store.remove(transitions.map(({ task }) => task))).filter(Boolean)).toHaveLength(
        MANY,
      );
      expect(await user.store.views.counts()).toEqual([]);
    },
    MANY_LIMIT_MS,
  );

  it('ends each task once when several workers share the work', async () => {
    const user = await start();
    const feed = new StoreFeed(user.store);
    const items = Array.from({ length: 120 }, (_, index) => ({ id: `t${index}`, priority: index % 4 }));
    await user.add(...items);
    const done: string[] = [];
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (;;) {
          const tasks = await user.take({ max: 2 });
          if (tasks.length === 0) return;
          for (const task of tasks) done.push((await user.complete(task)).spec.id);
        }
      }),
    );
    expect(done.toSorted()).toEqual(items.map(({ id }) => id).toSorted());
    await feed.settle(user);
    expect(feed.told.filter(({ type }) => type === 'completed')).toHaveLength(120);
    expect(feed.told.filter(({ type }) => type === 'processing')).toHaveLength(120);
    expect((await user.list()).every(isFinished)).toBe(true);
  });
}

/** The feed has each task's transitions without a gap, from its insert to what it is now. */
async function expectTold(user: StoreUser, feed: StoreFeed): Promise<void> {
  for (const task of await user.list()) {
    const sequences = feed.of(task.spec.id).map((told) => told.task.sequence);
    const latest = sequences.slice(sequences.lastIndexOf(1));
    expect(latest).toEqual(Array.from({ length: task.sequence }, (_, index) => index + 1));
    expect(feed.of(task.spec.id).at(-1)?.task.state).toBe(task.state);
  }
}
