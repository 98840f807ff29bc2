import { setImmediate as turn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { loadConfig } from '../../../src/config/config.js';
import { DueSweeper } from '../../../src/queue/due-sweeper.js';
import { create } from '../../../src/task/task.machine.js';
import { judgeAt } from '../../support/outage-judge.js';
import { DistantStore } from '../../support/distant-store.js';
import { spec } from '../../support/task.builders.js';

const DELAY_MS = 10_000;
const LONGEST_SLEEP_MS = 1_000;

let store: DistantStore;
let sweeper: DueSweeper;

beforeEach(async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] });
  store = new DistantStore();
  sweeper = new DueSweeper(store, loadConfig({}), judgeAt(store));
  await sweeper.onApplicationBootstrap();
  await timersAfter(0);
  const { wall, steady } = store.clock.now();
  await store.insert([
    { transition: create(spec({ id: 'a', runAt: wall + DELAY_MS }), { wall, steady }), payload: '' },
  ]);
});

afterEach(async () => {
  await sweeper.onModuleDestroy();
  jest.useRealTimers();
});

/** Runs the timers of this time, and what they started. */
async function timersAfter(ms: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(ms);
  await turn();
  await turn();
}

async function state(): Promise<string | undefined> {
  return (await store.unseen.find('a'))?.state;
}

describe('the sweeper', () => {
  it('starts what came due before it, before the service takes requests', async () => {
    store.clock.advance(DELAY_MS);
    const next = new DueSweeper(store, loadConfig({}), judgeAt(store));
    await next.onApplicationBootstrap();
    expect(await state()).toBe('queued');
    await next.onModuleDestroy();
  });

  it('does not hold up the start when the store is away', async () => {
    store.goAway();
    const next = new DueSweeper(store, loadConfig({}), judgeAt(store));
    await next.onApplicationBootstrap();
    await next.onModuleDestroy();
    store.comeBack();
  });

  it('starts what fell due while the store was away as soon as it is back', async () => {
    store.goAway();
    store.clock.advance(DELAY_MS);
    await timersAfter(DELAY_MS);
    expect(await state()).toBe('delayed');
    store.comeBack();
    await timersAfter(0);
    expect(await state()).toBe('queued');
  });

  it('looks again at once when the store came back during a sweep that failed', async () => {
    store.clock.advance(DELAY_MS);
    const due = store.due.bind(store);
    store.due = async (limit) => {
      store.due = due;
      store.goAway();
      const answer = due(limit);
      store.comeBack();
      return answer;
    };
    await timersAfter(LONGEST_SLEEP_MS + 1);
    expect(await state()).toBe('queued');
  });

  it('does not ask a store that is away more often than every second', async () => {
    store.goAway();
    let questions = 0;
    store.due = async () => {
      questions += 1;
      return [];
    };
    store.untilDue = async () => undefined;
    store.disturb();
    await timersAfter(0);
    expect(questions).toBe(0);
    await timersAfter(3_000);
    expect(questions).toBe(3);
  });
});
