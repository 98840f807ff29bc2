import { openParking } from '../../../src/queue/parking.module.js';
import type { Caller } from '../../../src/queue/caller.js';
import { SettingsCache } from '../../../src/queue/settings-cache.js';
import { WaitingRoom } from '../../../src/queue/waiting-room.js';
import { type ClaimedTask, StoreUnavailable, type TaskStore } from '../../../src/storage/task-store.js';
import { create } from '../../../src/task/task.machine.js';
import type { TaskSpec } from '../../../src/task/task.js';
import { DistantStore } from '../../support/distant-store.js';
import { spec } from '../../support/task.builders.js';
import { PATIENT } from '../../support/patient.caller.js';

let store: DistantStore;
let room: WaitingRoom;
let leases: number;
/** What was answered, in that order: the worker and its task, or why not. */
let answers: string[];

beforeEach(() => {
  store = new DistantStore();
  leases = 0;
  answers = [];
  room = new WaitingRoom(store, openParking({ MAX_PARKED_POLLS: 20_000 }), new SettingsCache(store));
});

afterEach(() => {
  room.onModuleDestroy();
});

function add(to: TaskStore, ...specs: readonly Partial<TaskSpec>[]): Promise<unknown> {
  const now = store.clock.now();
  return to.insert(specs.map((each) => ({ transition: create(spec(each), now), payload: '' })));
}

/** The tasks `t1` to `t<count>`, in one call. */
function addMany(to: TaskStore, count: number): Promise<unknown> {
  return add(to, ...Array.from({ length: count }, (_, index) => ({ id: `t${index + 1}` })));
}

function requestOf(workerId: string, queues: readonly string[], claimId?: string) {
  return { queues, leaseIds: [`lease-${++leases}`], grant: { workerId, claimId, grace: 30 } };
}

/** A poll that stays in the room until it is answered. */
async function park(
  worker: string,
  queues: readonly string[] = ['default'],
  claimId?: string,
): Promise<void> {
  const note = (text: string): void => void answers.push(`${worker} ${text}`);
  const poll = room.claim(requestOf(worker, queues, claimId), 60, PATIENT);
  const idsOf = (claimed: readonly ClaimedTask[]) => claimed.map(({ task }) => task.spec.id).join();
  void poll.then(
    (claimed) => note(idsOf(claimed)),
    (error: unknown) => note(error instanceof StoreUnavailable ? `away, applied ${error.applied}` : 'fault'),
  );
  await store.quiet();
}

async function parkMany(count: number, queueOf: (index: number) => string = () => 'default'): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, index) => park(`w${index + 1}`, [queueOf(index)])));
  forgetClaims();
}

function forgetClaims(): void {
  store.claims = 0;
  store.mostClaimsAtOnce = 0;
}

describe('a waiting room', () => {
  it('wakes a waiter for each task, oldest first, and asks no more than that', async () => {
    for (const worker of ['w1', 'w2', 'w3', 'w4']) await park(worker);
    forgetClaims();
    await addMany(store, 3);
    await store.quiet();
    expect(answers).toEqual(['w1 t1', 'w2 t2', 'w3 t3']);
    expect([store.claims, room.size]).toEqual([3, 1]);
  });

  it('parks nobody once it is closed', async () => {
    room.onModuleDestroy();
    expect(() => room.claim(requestOf('late', ['default']), 60, PATIENT)).toThrow('shutting down');
    expect([store.claims, room.size]).toEqual([0, 0]);
  });

  it('lets wait on whose tasks another process was quicker to take', async () => {
    room.onModuleDestroy();
    const quicker = {
      onTransitions: () => void store.unseen.claim(requestOf('other', ['default'])),
      onGap: () => {},
    };
    store = new DistantStore();
    store.watch(quicker);
    room = new WaitingRoom(store, openParking({ MAX_PARKED_POLLS: 20_000 }), new SettingsCache(store));
    for (const worker of ['w1', 'w2', 'w3']) await park(worker);
    forgetClaims();
    await addMany(store, 2);
    await store.quiet();
    expect(answers).toEqual(['w1 t2']);
    expect([store.claims, room.size]).toEqual([2, 2]);
    await add(store, { id: 't3' }, { id: 't4' });
    await store.quiet();
    expect(answers).toEqual(['w1 t2', 'w2 t4']);
  });

  it('wakes the next one when the first took a task of another queue', async () => {
    await park('both', ['b', 'a']);
    await park('only a', ['a']);
    await park('only b', ['b']);
    await add(store, { id: 'in-a', queue: 'a' }, { id: 'in-b', queue: 'b' });
    await store.quiet();
    expect(answers.toSorted()).toEqual(['both in-b', 'only a in-a']);
    expect(room.size).toBe(1);
  });

  it('wakes the next one when the first was given what its claim id held already', async () => {
    await park('w1', ['default'], 'c1');
    await park('w2');
    await add(store.unseen, { id: 'held' });
    await store.unseen.claim(requestOf('w1', ['default'], 'c1'));
    await add(store, { id: 'fresh' });
    await store.quiet();
    expect(answers).toEqual(['w1 held', 'w2 fresh']);
  });

  it('passes a task on past any number of polls whose key has expired', async () => {
    let isGone = false;
    const expiring: Caller = {
      ...PATIENT,
      get isGone() {
        return isGone;
      },
    };
    const polls = Array.from({ length: 15_000 }, () => room.claim(requestOf('w', ['default']), 60, expiring));
    await store.quiet();
    await park('last');
    isGone = true;
    await addMany(store, 1);
    expect((await Promise.all(polls)).flat()).toEqual([]);
    await store.quiet();
    expect(answers).toEqual(['last t1']);
  });

  it('answers every poll of one claim call with the same task', async () => {
    for (let poll = 0; poll < 3; poll += 1) await park('w1', ['default'], 'c1');
    await park('w1', ['default'], 'c2');
    await addMany(store, 1);
    await store.quiet();
    expect(answers).toEqual(['w1 t1', 'w1 t1', 'w1 t1']);
    expect(room.size).toBe(1);
  });

  it('answers a poll at its end with what another process leased to its claim call', async () => {
    const request = requestOf('w1', ['default'], 'c1');
    const poll = room.claim(request, 0.01, PATIENT);
    await store.quiet();
    await addMany(store.unseen, 1);
    await store.unseen.claim(requestOf('w1', ['default'], 'c1'));
    expect((await poll).map(({ task }) => task.spec.id)).toEqual(['t1']);
  });

  it('takes nothing new for a poll at its end', async () => {
    const poll = room.claim(requestOf('w1', ['default'], 'c1'), 0.01, PATIENT);
    await store.quiet();
    await addMany(store.unseen, 1);
    expect(await poll).toEqual([]);
    expect((await store.find('t1'))?.state).toBe('queued');
  });

  it('wakes the next one when the first could not ask', async () => {
    await park('w1');
    await park('w2');
    store.failOnce(new StoreUnavailable('No answer came', 'unknown'));
    await addMany(store, 1);
    await store.quiet();
    expect(answers).toEqual(['w1 away, applied unknown', 'w2 t1']);
  });
});

describe('a waiting room whose store goes away', () => {
  it('answers everybody that it is away, and asks nothing for it', async () => {
    await parkMany(1_000);
    store.goAway();
    await store.quiet();
    expect(answers).toHaveLength(1_000);
    expect(new Set(answers.map((line) => line.replace(/^w\d+ /, '')))).toEqual(
      new Set(['away, applied false']),
    );
    expect([store.claims, room.size]).toEqual([0, 0]);
  });

  it('leaves it to the claims under way to say what came of them', async () => {
    const release = store.holdAnswers();
    const parked = park('w1');
    store.goAway('unknown');
    release();
    await parked;
    expect(answers).toEqual(['w1 away, applied unknown']);
  });

  it('answers at once who comes while it is away, and serves who comes after', async () => {
    store.goAway();
    await park('w1');
    expect(answers).toEqual(['w1 away, applied false']);
    store.comeBack();
    await park('w2');
    await addMany(store, 1);
    await store.quiet();
    expect(answers.slice(1)).toEqual(['w2 t1']);
  });

  it('answers everybody whose store says nothing and fails', async () => {
    await parkMany(100);
    store.claim = () => Promise.reject(new StoreUnavailable('It is away', false));
    store.disturb();
    await store.quiet();
    expect([answers.length, room.size]).toEqual([100, 0]);
  });
});

describe('a waiting room that may have missed something', () => {
  it('gives out what became ready unseen, oldest waiter first, a few claims at a time', async () => {
    await parkMany(1_000);
    await addMany(store.unseen, 40);
    store.disturb();
    await store.quiet();
    expect(answers.toSorted()).toEqual(
      Array.from({ length: 40 }, (_, index) => `w${index + 1} t${index + 1}`).toSorted(),
    );
    expect(room.size).toBe(960);
    expect(store.mostClaimsAtOnce).toBeLessThanOrEqual(16);
    expect(store.claims).toBeLessThanOrEqual(40 + 16);
  });

  it('asks a few times when there is nothing, however many wait', async () => {
    await parkMany(1_000);
    store.disturb();
    await store.quiet();
    expect([answers.length, room.size]).toEqual([0, 1_000]);
    expect(store.claims).toBeLessThanOrEqual(16);
  });

  it('asks for every queue, not for all at once', async () => {
    await parkMany(500, (index) => `q${index}`);
    await add(store.unseen, { id: 'last', queue: 'q499' });
    store.disturb();
    await store.quiet();
    expect(answers).toEqual(['w500 last']);
    expect(store.claims).toBe(500);
    expect(store.mostClaimsAtOnce).toBeLessThanOrEqual(16);
  });

  it('does not take one empty queue for another', async () => {
    for (let index = 0; index < 20; index++) await park(`a${index}`, ['a']);
    await park('both', ['a', 'b']);
    await add(store.unseen, { id: 'in-b', queue: 'b' });
    store.disturb();
    await store.quiet();
    expect(answers).toEqual(['both in-b']);
  });

  it('does not take a queue for empty that was so the last time', async () => {
    await parkMany(100);
    store.disturb();
    await store.quiet();
    await addMany(store.unseen, 1);
    store.disturb();
    await store.quiet();
    expect(answers).toEqual(['w1 t1']);
  });

  it('starts over when it happens again', async () => {
    await parkMany(100);
    const release = store.holdAnswers();
    store.disturb();
    await addMany(store.unseen, 100);
    store.disturb();
    release();
    await store.quiet();
    expect([answers.length, room.size]).toEqual([100, 0]);
  });

  it('asks again for whom it was asking at that moment', async () => {
    const release = store.holdAnswers();
    const parked = park('w1');
    await addMany(store.unseen, 1);
    store.disturb();
    release();
    await parked;
    expect(answers).toEqual(['w1 t1']);
  });
});
