import { Redis } from 'ioredis';
import type { RedisQueue } from './redis.queue.js';

export interface RedisSample {
  readonly perSecond: number;
  /** Of this process for one unit, all its threads. */
  readonly ownMicroseconds: number;
  /** Of Redis for one unit, all its threads. */
  readonly redisMicroseconds: number;
}

export interface Work {
  readonly queue: RedisQueue;
  readonly operation: 'enqueue' | 'cycle';
  /** Each of them waits for one unit before it begins the next. */
  readonly callers: number;
  readonly units: number;
}

/** Runs work on a Redis and takes the time of both sides. */
export class RedisMeter {
  private readonly client: Redis;

  constructor(port: number) {
    this.client = new Redis(port, '127.0.0.1');
  }

  run(work: Work): Promise<RedisSample> {
    return this.measure(work.units, () => drive(work));
  }

  /** Takes the time of something that does so many units. */
  async measure(units: number, work: () => Promise<void>): Promise<RedisSample> {
    const redisBefore = await this.redisSeconds();
    const ownBefore = process.cpuUsage();
    const from = performance.now();
    await work();
    const seconds = (performance.now() - from) / 1000;
    const { user, system } = process.cpuUsage(ownBefore);
    const redisSeconds = (await this.redisSeconds()) - redisBefore;
    return {
      perSecond: units / seconds,
      ownMicroseconds: (user + system) / units,
      redisMicroseconds: (redisSeconds * 1e6) / units,
    };
  }

  /** Forgets everything, so that nobody pays for what others left. */
  async clear(): Promise<void> {
    await this.client.flushall('SYNC');
  }

  async close(): Promise<void> {
    await this.client.quit();
  }

  private async redisSeconds(): Promise<number> {
    const text = await this.client.info('cpu');
    const read = (name: string) => Number(new RegExp(`^${name}:(\\S+)`, 'm').exec(text)?.[1] ?? NaN);
    return read('used_cpu_sys') + read('used_cpu_user');
  }
}

export async function drive({ queue, operation, callers, units }: Work): Promise<void> {
  let left = units;
  const call = async () => {
    while (left > 0) {
      left -= 1;
      await queue[operation]();
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
}
