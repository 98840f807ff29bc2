import { jest } from '@jest/globals';
import { loadConfig } from '../../../src/config/config.js';
import { openParking } from '../../../src/queue/parking.module.js';
import type { Caller } from '../../../src/queue/caller.js';
import { SettingsCache } from '../../../src/queue/settings-cache.js';
import { WaitingRoom } from '../../../src/queue/waiting-room.js';
import { SystemClock } from '../../../src/storage/embedded/system-clock.js';
import { complete, create } from '../../../src/task/task.machine.js';
import type { Labels } from '../../../src/task/requirements.js';
import type { TaskSpec } from '../../../src/task/task.js';
import { ReferenceStore } from '../../contract/reference-store.js';
import { DistantStore } from '../../support/distant-store.js';
import { ROOMY } from '../../support/store-harness.js';
import { spec } from '../../support/task.builders.js';
import { until } from '../../support/until.js';
import { PATIENT } from '../../support/patient.caller.js';

const CONFIG = loadConfig({});

let store: DistantStore;
let room: WaitingRoom;
let answers: string[];

beforeEach(() => {
  store = new DistantStore();
  answers = [];
  room = new WaitingRoom(store, openParking(CONFIG), new SettingsCache(store));
});

afterEach(() => {
  room.onModuleDestroy();
});

function add(...specs: readonly Partial<TaskSpec>[]): Promise<unknown> {
  const now = store.clock.now();
  return store.insert(specs.map((each) => ({ transition: create(spec(each), now), payload: '' })));
}

/** A poll that stays in the room until it is answered. */
async function park(workerId: string, labels?: Labels): Promise<void> {
  const request = {
    queues: ['default'],
    leaseIds: [`lease-${workerId}`],
    labels,
    grant: { workerId, grace: 30 },
  };
  void room.claim(request, 60, PATIENT).then((claimed) => {
    answers.push(`${workerId} ${claimed.map(({ task }) => task.spec.id).join()}`);
  });
  await store.quiet();
}

/** A claim that does not wait, and is not made through the room. */
async function takeDirectly(): Promise<void> {
  await store.claim({ queues: ['default'], leaseIds: [`direct-${store.claims}`], grant: { grace: 30 } });
}

async function end(id: string): Promise<void> {
  const task = await store.find(id);
  const transition = task && complete(task, {}, store.clock.now());
  if (transition) await store.replace([transition]);
  await store.quiet();
}

describe('a waiting room, of queues that hold tasks back', () => {
  it('wakes one waiter for each task that leaves processing', async () => {
    await store.settings.change('default', { maxConcurrency: 1 });
    await add({ id: 't1' }, { id: 't2' }, { id: 't3' });
    for (const worker of ['w1', 'w2', 'w3', 'w4']) await park(worker);
    expect(answers).toEqual(['w1 t1']);
    store.claims = 0;
    await end('t1');
    expect([answers.at(-1), store.claims]).toEqual(['w2 t2', 1]);
    await end('t2');
    expect([answers.at(-1), store.claims, room.size]).toEqual(['w3 t3', 2, 1]);
  });

  it('wakes nobody for an end in a queue without limits', async () => {
    await add({ id: 't1' });
    for (const worker of ['w1', 'w2']) await park(worker);
    store.claims = 0;
    await end('t1');
    expect([answers, store.claims]).toEqual([['w1 t1'], 0]);
  });

  it('hears of a limit that is set while somebody waits', async () => {
    await park('w1');
    await store.settings.change('default', { maxConcurrencyPerGroup: 1 });
    await add({ id: 't1', group: 'a' }, { id: 't2', group: 'a' });
    await store.quiet();
    await park('w2');
    expect(answers).toEqual(['w1 t1']);
    await end('t1');
    expect(answers).toEqual(['w1 t1', 'w2 t2']);
  });

  it('lets everybody have what there is when a queue is resumed, and stops at the first who finds nothing', async () => {
    await store.settings.change('default', { paused: true });
    await add({ id: 't1' }, { id: 't2' });
    for (let worker = 1; worker <= 60; worker += 1) await park(`w${worker}`);
    store.claims = 0;
    await store.settings.change('default', { paused: false });
    await store.quiet();
    expect(answers.toSorted()).toEqual(['w1 t1', 'w2 t2']);
    expect(store.claims).toBeLessThan(20);
  });

  it('wakes one waiter of each kind, so a task finds the worker that offers what it requires', async () => {
    for (const worker of ['w1', 'w2', 'w3']) await park(worker);
    await park('gpu', { gpu: 'a100' });
    store.claims = 0;
    await add({ id: 't1', requires: { gpu: 'a100' } });
    await store.quiet();
    expect([answers, store.claims]).toEqual([['gpu t1'], 2]);
  });

  it('asks again when slots were freed by a clear', async () => {
    await store.settings.change('default', { maxConcurrency: 1 });
    await add({ id: 't1' }, { id: 't2' });
    for (const worker of ['w1', 'w2']) await park(worker);
    await store.clear({ states: ['processing'] });
    await store.quiet();
    expect(answers).toEqual(['w1 t1', 'w2 t2']);
  });

  it('asks twice for each poll of an idle queue with a rate, whatever the polls offer', async () => {
    await store.settings.change('default', { rateLimit: { tasks: 10, per: 60 } });
    await park('plain');
    await park('gpu', { gpu: 'a100' });
    await park('cpu', { cpu: 'arm' });
    await store.quiet();
    await store.quiet();
    expect([store.claims, room.size]).toEqual([6, 3]);
    await add({ id: 't1', requires: { gpu: 'a100' } });
    await store.quiet();
    expect(answers).toEqual(['gpu t1']);
  });

  it('asks again when the token came between the refusal and the look at the rate', async () => {
    await store.settings.change('default', { rateLimit: { tasks: 1, per: 60 } });
    await add({ id: 't1' }, { id: 't2' });
    await takeDirectly();
    const untilAllowed = store.settings.untilAllowed.bind(store.settings);
    store.settings.untilAllowed = (queue) => {
      store.settings.untilAllowed = untilAllowed;
      store.clock.advanceSeconds(60);
      return store.settings.untilAllowed(queue);
    };
    await park('w2');
    expect(answers).toEqual(['w2 t2']);
  });

  it('follows a token that another claim took between its look and its second claim', async () => {
    await store.settings.change('default', { rateLimit: { tasks: 1, per: 0.02 } });
    await add({ id: 't1' }, { id: 't2' }, { id: 't3' });
    await takeDirectly();
    const untilAllowed = store.settings.untilAllowed.bind(store.settings);
    store.settings.untilAllowed = async (queue) => {
      store.settings.untilAllowed = untilAllowed;
      store.clock.advanceSeconds(60);
      const wait = await store.settings.untilAllowed(queue);
      await takeDirectly();
      return wait;
    };
    await park('w2');
    expect(answers).toEqual([]);
    store.clock.advanceSeconds(60);
    await until(() => answers.length === 1);
    expect(answers).toEqual(['w2 t3']);
  });

  it('passes on what a waiter was told whose time ended meanwhile', async () => {
    await store.settings.change('default', { rateLimit: { tasks: 1, per: 0.02 } });
    await add({ id: 't1' });
    await park('w1');
    let leave: () => void = () => undefined;
    const hasty: Caller = { ...PATIENT, onGone: (callback) => (leave = callback) };
    const request = { queues: ['default'], leaseIds: ['lease-h'], grant: { workerId: 'hasty', grace: 30 } };
    const gone = room.claim(request, 60, hasty);
    await park('w2');
    const release = store.holdAnswers();
    await add({ id: 't2' });
    leave();
    release();
    expect(await gone).toEqual([]);
    store.clock.advanceSeconds(60);
    await until(() => answers.length === 2);
    expect(answers).toEqual(['w1 t1', 'w2 t2']);
  });

  it('sleeps a minute at most, also when a clock that was set says that the next token is far away', async () => {
    const waits: number[] = [];
    const timers = jest.spyOn(globalThis, 'setTimeout').mockImplementation((...[, wait]) => {
      waits.push(wait ?? 0);
      return undefined as unknown as NodeJS.Timeout;
    });
    await store.settings.change('default', { rateLimit: { tasks: 1, per: 60 } });
    store.settings.untilAllowed = () => Promise.resolve(2 ** 31);
    await park('w1');
    timers.mockRestore();
    // Its own end, and the look at the rate.
    expect(waits).toEqual([60_000, 60_000]);
  });

  it('forgets the next token of a rate that was raised', async () => {
    await store.settings.change('default', { rateLimit: { tasks: 1, per: 3_600 } });
    await add({ id: 't1' }, { id: 't2' });
    for (const worker of ['w1', 'w2']) await park(worker);
    expect(answers).toEqual(['w1 t1']);
    await store.settings.change('default', { rateLimit: { tasks: 100, per: 1 } });
    await store.quiet();
    store.clock.advanceSeconds(1);
    await until(() => answers.length === 2);
    expect(answers).toEqual(['w1 t1', 'w2 t2']);
  });

  it('forgets the next token of a rate that was raised while it was read', async () => {
    await store.settings.change('default', { rateLimit: { tasks: 1, per: 3_600 } });
    await add({ id: 't1' }, { id: 't2' });
    await takeDirectly();
    const untilAllowed = store.settings.untilAllowed.bind(store.settings);
    store.settings.untilAllowed = async (queue) => {
      store.settings.untilAllowed = untilAllowed;
      const wait = await store.settings.untilAllowed(queue);
      await store.settings.change(queue, { rateLimit: null });
      return wait;
    };
    await park('w2');
    expect(answers).toEqual(['w2 t2']);
  });

  it('hands out the next task when the rate allows it, and not before', async () => {
    const steady = new ReferenceStore(new SystemClock(), ROOMY);
    const other = new WaitingRoom(steady, openParking(CONFIG), new SettingsCache(steady));
    await steady.settings.change('default', { rateLimit: { tasks: 1, per: 0.05 } });
    const now = steady.clock.now();
    const specs = ['t1', 't2', 't3', 't4'].map((id) => spec({ id }));
    await steady.insert(specs.map((each) => ({ transition: create(each, now), payload: '' })));
    const claims = await Promise.all(
      specs.map(({ id }) =>
        other.claim({ queues: ['default'], leaseIds: [id], grant: { grace: 30 } }, 60, PATIENT),
      ),
    );
    const starts = claims.map(([claimed]) => claimed?.task.startedAt ?? NaN).toSorted((a, b) => a - b);
    expect(starts).toHaveLength(4);
    // Three tokens had to come. The two clocks may be a millisecond apart.
    expect((starts[3] ?? NaN) - (starts[0] ?? NaN)).toBeGreaterThanOrEqual(148);
    other.onModuleDestroy();
  });
});
