import { jest } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { openParking } from '../../../src/queue/parking.module.js';
import { FinishWaiters } from '../../../src/queue/finish-waiters.js';
import { StoreUnavailable, type TaskStore } from '../../../src/storage/task-store.js';
import { cancel, create, redrive } from '../../../src/task/task.machine.js';
import type { Task } from '../../../src/task/task.js';
import { DistantStore } from '../../support/distant-store.js';
import { spec } from '../../support/task.builders.js';
import { PATIENT } from '../../support/patient.caller.js';

let store: DistantStore;
let waiters: FinishWaiters;

beforeEach(async () => {
  store = new DistantStore();
  waiters = new FinishWaiters(store, openParking({ MAX_PARKED_POLLS: 1_000 }));
  await add('a');
});

afterEach(() => {
  waiters.onModuleDestroy();
  jest.useRealTimers();
});

async function add(id: string): Promise<void> {
  await store.insert([{ transition: create(spec({ id }), store.clock.now()), payload: '' }]);
}

async function find(id: string): Promise<Task> {
  const task = await store.unseen.find(id);
  if (task === undefined) throw new Error(`There is no ${id}`);
  return task;
}

async function cancelAt(at: TaskStore, id = 'a'): Promise<void> {
  const transition = cancel(await find(id), undefined, store.clock.now());
  expect(await at.replace(transition ? [transition] : [])).toEqual([true]);
}

/** A read that is parked now, and has looked at its task. */
async function park(id = 'a', wait = 60): Promise<{ readonly state: Promise<string> }> {
  const state = waiters.findEnded(id, wait, PATIENT).then(
    (task) => task?.state ?? 'unknown',
    (error: unknown) => (error instanceof StoreUnavailable ? `away, applied ${error.applied}` : 'fault'),
  );
  await store.quiet();
  return { state };
}

/** Counts the tasks that are looked at, and how many at the same time. */
function countLooks(): { all: number; atOnce: number; mostAtOnce: number } {
  const looks = { all: 0, atOnce: 0, mostAtOnce: 0 };
  const findOfStore = store.find.bind(store);
  store.find = async (id) => {
    looks.all += 1;
    looks.atOnce += 1;
    looks.mostAtOnce = Math.max(looks.mostAtOnce, looks.atOnce);
    await turn();
    looks.atOnce -= 1;
    return findOfStore(id);
  };
  return looks;
}

describe('a parked read', () => {
  it('is answered when its task ends, and everybody who waits for that one', async () => {
    await add('b');
    const reads = [await park('a'), await park('a'), await park('b')];
    await cancelAt(store);
    expect(await Promise.all(reads.slice(0, 2).map(({ state }) => state))).toEqual([
      'cancelled',
      'cancelled',
    ]);
    expect(waiters.size).toBe(1);
  });

  it('waits for the next end when its task was redriven before it looked', async () => {
    const read = await park();
    const redriven = new Promise<void>((resolve) => {
      const findOfStore = store.find.bind(store);
      store.find = async (id) => {
        store.find = findOfStore;
        await store.unseen.replace([redrive(await find(id), store.clock.now())]);
        resolve();
        return findOfStore(id);
      };
    });
    await cancelAt(store);
    await redriven;
    await store.quiet();
    expect(waiters.size).toBe(1);
    await cancelAt(store);
    expect(await read.state).toBe('cancelled');
  });

  it('is told that there is no such task any more after a clear, and is left alone by settings', async () => {
    await add('b');
    const reads = [await park('a'), await park('b')];
    const looks = countLooks();
    await store.settings.change('default', { maxDepth: 5 });
    await store.quiet();
    expect([looks.all, waiters.size]).toEqual([0, 2]);
    await store.clear({ states: ['queued'] });
    expect(await Promise.all(reads.map(({ state }) => state))).toEqual(['unknown', 'unknown']);
  });

  it('is told that there is no such task, also when that is seen late', async () => {
    expect(await (await park('nobody')).state).toBe('unknown');
    const read = await park();
    await store.remove([await find('a')]);
    store.disturb();
    expect(await read.state).toBe('unknown');
  });

  it('is answered with the task as it is when its time is over', async () => {
    expect(await (await park('a', 0.02)).state).toBe('queued');
    expect(waiters.size).toBe(0);
  });
});

describe('a parked read whose store goes away', () => {
  it('is told so, and the store is not asked', async () => {
    const reads = await Promise.all(Array.from({ length: 200 }, () => park()));
    const looks = countLooks();
    store.goAway();
    const states = await Promise.all(reads.map(({ state }) => state));
    expect(new Set(states)).toEqual(new Set(['away, applied false']));
    expect([looks.all, waiters.size]).toEqual([0, 0]);
  });

  it('is told so when it comes meanwhile', async () => {
    store.goAway();
    expect(await (await park()).state).toBe('away, applied false');
  });

  it('is told so when its time is over and the store fails', async () => {
    const read = await park('a', 0.02);
    store.find = () => Promise.reject(new StoreUnavailable('No answer came', false));
    expect(await read.state).toBe('away, applied false');
  });
});

describe('a parked read that may have missed something', () => {
  it('sees the end that it was not told of', async () => {
    const read = await park();
    await cancelAt(store.unseen);
    store.disturb();
    expect(await read.state).toBe('cancelled');
  });

  it('waits on, for the rest of its time, when its task has not ended', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    const [read, short] = [await park('a'), await park('a', 0.05)];
    store.disturb();
    await store.quiet();
    expect(waiters.size).toBe(2);
    jest.advanceTimersByTime(50);
    expect(await short.state).toBe('queued');
    await cancelAt(store);
    expect(await read.state).toBe('cancelled');
  });

  it('looks in turn with many others', async () => {
    const reads = await Promise.all(Array.from({ length: 100 }, () => park()));
    await cancelAt(store.unseen);
    const looks = countLooks();
    store.disturb();
    expect(new Set(await Promise.all(reads.map(({ state }) => state)))).toEqual(new Set(['cancelled']));
    expect(looks.all).toBe(100);
    expect(looks.mostAtOnce).toBeLessThanOrEqual(16);
  });
});
