import { Redis } from 'ioredis';
import { RedisSentinel } from '../support/redis-sentinel.js';

describe('RedisSentinel', () => {
  let topology: RedisSentinel;

  afterEach(async () => {
    await topology.stop();
  });

  it('replaces a master that is killed with a replica that has its data', async () => {
    topology = await RedisSentinel.start();
    const master = await topology.master();
    await write(master.url, 'key', 'value');

    expect(await topology.killMaster()).toBe(master);
    const next = await topology.untilReplaced(master);

    expect(next).not.toBe(master);
    expect(await read(next.url, 'key')).toBe('value');

    await topology.stop();
    expect(topology.servers.some(({ isRunning }) => isRunning)).toBe(false);
  });
});

async function write(url: string, key: string, value: string): Promise<void> {
  const redis = new Redis(url);
  await redis.set(key, value);
  expect(await redis.wait(1, 5_000)).toBe(1);
  redis.disconnect();
}

async function read(url: string, key: string): Promise<string | null> {
  const redis = new Redis(url);
  const value = await redis.get(key);
  redis.disconnect();
  return value;
}
