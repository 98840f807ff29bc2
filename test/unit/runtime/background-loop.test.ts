import { jest } from '@jest/globals';
import { BackgroundLoop, type LoopOptions } from '../../../src/runtime/background-loop.js';
import { StoreUnavailable } from '../../../src/storage/task-store.js';
import { FakeClock } from '../../support/task.builders.js';

let clock: FakeClock;
let passes: number;
let errors: unknown[];

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] });
  clock = new FakeClock();
  passes = 0;
  errors = [];
});

afterEach(() => {
  jest.useRealTimers();
});

function loopOf(pass: () => Promise<number | undefined>, options: Partial<LoopOptions> = {}): BackgroundLoop {
  return new BackgroundLoop({
    clock,
    pass: () => {
      passes += 1;
      return pass();
    },
    longestMs: 1_000,
    failure: 'A test failed',
    logger: { error: (...told: unknown[]) => errors.push(told[0]) },
    ...options,
  });
}

/** Time passes, for the clock and for the timers. */
async function pass(ms: number): Promise<void> {
  clock.advance(ms);
  await jest.advanceTimersByTimeAsync(ms);
}

/** A pass that ends when the test says so. */
function held() {
  const ends: ((wait?: number) => void)[] = [];
  const work = () => new Promise<number | undefined>((resolve) => ends.push(resolve));
  const end = async (wait?: number) => {
    ends.shift()?.(wait);
    await pass(0);
  };
  return { work, end };
}

describe('a background loop', () => {
  it('sleeps as long as its pass asks for, up to its limit', async () => {
    const waits = [200, 5_000, undefined];
    const loop = loopOf(async () => waits.shift());
    loop.start();
    await pass(0);
    await pass(199);
    expect(passes).toBe(1);
    await pass(1);
    expect(passes).toBe(2);
    await pass(999);
    expect(passes).toBe(2);
    await pass(1);
    expect(passes).toBe(3);
    await pass(1_000);
    expect(passes).toBe(4);
    await loop.stop();
    await pass(10_000);
    expect(passes).toBe(4);
  });

  it('wakes earlier for the earliest wake-up, and not later for a late one', async () => {
    const loop = loopOf(async () => undefined, { longestMs: Infinity });
    loop.wake();
    loop.start(Infinity);
    await pass(100_000);
    expect(passes).toBe(0);
    loop.wake(500);
    loop.wake(100);
    loop.wake(300);
    await pass(100);
    expect(passes).toBe(1);
    await pass(100_000);
    expect(passes).toBe(1);
    await loop.stop();
  });

  it('makes one pass at a time, and one more for all wake-ups meanwhile', async () => {
    const { work, end } = held();
    const loop = loopOf(work);
    loop.start();
    await pass(0);
    for (let time = 0; time < 50; time += 1) {
      loop.wake();
      await pass(10);
    }
    expect(passes).toBe(1);
    await end(1_000);
    expect(passes).toBe(2);
    await end(1_000);
    expect(passes).toBe(2);
    await loop.stop();
  });

  it('shares a pass that has not begun among its callers', async () => {
    const { work, end } = held();
    const loop = loopOf(work);
    const first = loop.run();
    await pass(0);
    const second = loop.run();
    const third = loop.run();
    await end(1);
    await end(2);
    expect(await Promise.all([first, second, third])).toEqual([1, 2, 2]);
    expect(passes).toBe(2);
  });

  it('survives every error, logs all but outages, and pauses after each', async () => {
    const failures = [
      new StoreUnavailable('away', false),
      new TypeError('broken'),
      new StoreUnavailable('away', false),
    ];
    const loop = loopOf(() => Promise.reject(failures[passes - 1] ?? new Error('over')));
    loop.start();
    await pass(0);
    await pass(999);
    expect(passes).toBe(1);
    await pass(1);
    expect(passes).toBe(2);
    await pass(1_000);
    expect(passes).toBe(3);
    expect(errors).toEqual(['A test failed']);
    await loop.stop();
  });

  it('survives a pass that throws synchronously', async () => {
    const loop = loopOf(() => {
      throw new TypeError('broken');
    });
    await expect(loop.run()).rejects.toThrow('broken');
    loop.start();
    await pass(0);
    await pass(1_000);
    expect(passes).toBe(3);
    expect(errors).toHaveLength(2);
    await loop.stop();
  });

  it('runs at once after the clock was set past its wake-up', async () => {
    const loop = loopOf(async () => undefined);
    loop.start(1_000);
    clock.advance(5_000);
    loop.wake();
    await jest.advanceTimersByTimeAsync(0);
    expect(passes).toBe(1);
    await loop.stop();
  });

  it('stops after the current pass', async () => {
    const { work, end } = held();
    const loop = loopOf(work);
    loop.start();
    await pass(0);
    let hasStopped = false;
    const stopped = loop.stop().then(() => (hasStopped = true));
    await pass(0);
    expect([hasStopped, loop.isStopped]).toEqual([false, true]);
    loop.wake();
    await end(0);
    await stopped;
    await pass(10_000);
    expect(passes).toBe(1);
  });
});
