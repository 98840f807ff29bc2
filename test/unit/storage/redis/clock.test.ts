import { jest } from '@jest/globals';
import type { Redis } from 'ioredis';
import { RedisClock } from '../../../../src/storage/redis/connection/redis-clock.js';
import { useRedis } from './redis.site.js';

const site = useRedis();

const HOUR_MS = 3_600_000;
/** Far below what the clocks differ by, far above what a busy machine needs for a question. */
const NEAR_MS = HOUR_MS / 6;

async function timeOf(client: Redis): Promise<number> {
  const [seconds, microseconds] = await client.time();
  return Number(seconds) * 1_000 + Number(microseconds) / 1_000;
}

/** What the work does when `Date` is an hour late or early; only the monotonic clock and Redis are left as they are. */
async function withDateAt<T>(by: number, work: () => Promise<T>): Promise<T> {
  jest.useFakeTimers({
    now: Date.now() + by,
    doNotFake: [
      ...(['hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const),
      ...(['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] as const),
    ],
  });
  try {
    return await work();
  } finally {
    jest.useRealTimers();
  }
}

/** A Redis far ahead of the monotonic clock, whose answers take as long as a test says. */
class World {
  private elapsed = 0;
  private delays = { there: 0, back: 0 };

  get time(): number {
    return this.elapsed + 1_000_000;
  }

  clock(): RedisClock {
    const readTime = () => {
      this.elapsed += this.delays.there;
      const { time } = this;
      this.elapsed += this.delays.back;
      return Promise.resolve(time);
    };
    return new RedisClock(readTime, () => this.elapsed);
  }

  /** Has a clock ask Redis, with these milliseconds on the way there and back. */
  async answer(clock: RedisClock, delays: { there: number; back: number }): Promise<void> {
    this.delays = delays;
    await clock.read();
  }
}

describe('RedisClock', () => {
  it('is the clock of Redis on both scales, within the time of a question', async () => {
    const client = await site.client();
    const clock = new RedisClock(() => timeOf(client));
    await clock.start();
    const before = await timeOf(client);
    const { wall, steady } = clock.now();
    const after = await timeOf(client);
    clock.stop();
    expect(steady).toBe(wall);
    expect(wall).toBeGreaterThanOrEqual(before - NEAR_MS);
    expect(wall).toBeLessThanOrEqual(after + NEAR_MS);
  });

  it('agrees with others at the same Redis, however late the answers come', async () => {
    const world = new World();
    const [quick, slow] = [world.clock(), world.clock()];
    await world.answer(quick, { there: 0, back: 0 });
    await world.answer(slow, { there: 40, back: 40 });
    expect(Math.abs(quick.now().wall - slow.now().wall)).toBeLessThanOrEqual(NEAR_MS);
  });

  it('learns nothing wrong from an answer that was long on its way', async () => {
    const world = new World();
    const clock = world.clock();
    await world.answer(clock, { there: 1, back: 1 });
    // As before a Redis that stands still: the question waits, and the answer comes at once.
    await world.answer(clock, { there: 600, back: 0 });
    expect(Math.abs(clock.now().wall - world.time)).toBeLessThanOrEqual(50);
  });

  it('refuses to guess before it has asked', () => {
    expect(() => new RedisClock(() => Promise.resolve(0)).now()).toThrow('not read yet');
  });

  it('rejects when Redis cannot be asked at first', async () => {
    const clock = new RedisClock(() => Promise.reject(new Error('away')));
    await expect(clock.start()).rejects.toThrow('away');
  });

  it('is read every second, also after a question that failed', async () => {
    const answers = [1_000, new Error('away'), 2_000_000];
    const asked = { count: 0 };
    const isRead = new Promise<void>((resolve) => {
      const clock = new RedisClock(async () => {
        const answer = answers[asked.count];
        asked.count += 1;
        if (answer instanceof Error) throw answer;
        if (asked.count === 4) {
          expect(clock.now().wall).toBeGreaterThanOrEqual(2_000_000);
          clock.stop();
          resolve();
        }
        return answer ?? 0;
      });
      void clock.start().then(() => expect(clock.now().wall).toBeLessThan(2_000));
    });
    await isRead;
  });
});

describe('instances whose own clocks are two hours apart', () => {
  it('agree on leases, deadlines and what is due', async () => {
    const redis = await site.client();
    const early = await withDateAt(-HOUR_MS, () => site.open({ clock: undefined }));
    const late = await withDateAt(HOUR_MS, () => site.open({ clock: undefined }));
    const before = await timeOf(redis);
    expect(Math.abs(early.clock.now().wall - late.clock.now().wall)).toBeLessThanOrEqual(NEAR_MS);
    const user = site.userOf(early);
    const item = user.newTask({ id: 'a' });
    await withDateAt(-HOUR_MS, () => early.insert([item]));
    const request = user.request({ lease: 1_800 });
    const [claimed] = await withDateAt(HOUR_MS, () => late.claim(request));
    const { startedAt = 0, expiresAt = 0 } = claimed?.task.lease ?? {};
    expect(startedAt).toBeGreaterThanOrEqual(before - NEAR_MS);
    expect(startedAt).toBeLessThanOrEqual((await timeOf(redis)) + NEAR_MS);
    expect(expiresAt).toBe(startedAt + HOUR_MS / 2);
    for (const store of [early, late]) {
      expect(await withDateAt(HOUR_MS, () => store.due(10))).toEqual([]);
      expect(await withDateAt(-HOUR_MS, () => store.due(10))).toEqual([]);
      expect(await store.untilDue()).toBeGreaterThan(HOUR_MS / 2 - NEAR_MS);
      expect(await store.untilDue()).toBeLessThanOrEqual(HOUR_MS / 2 + NEAR_MS);
    }
  });
});
