import { Redis } from 'ioredis';
import { RedisCluster } from '../support/redis-cluster.js';

describe('RedisCluster', () => {
  let cluster: RedisCluster;

  afterEach(async () => {
    await cluster.stop();
  });

  it('spreads the keys over three masters', async () => {
    cluster = await RedisCluster.start();
    // The slots of these are 12182, 5061 and 7365.
    const masters = await Promise.all(['foo', 'bar', 'c'].map((key) => cluster.masterOf(key)));
    const [first] = masters;
    const redis = new Redis(first?.url ?? '');

    expect(cluster.servers).toHaveLength(3);
    expect(new Set(masters).size).toBe(3);
    expect(await redis.set('foo', 'value')).toBe('OK');
    await expect(redis.set('bar', 'value')).rejects.toThrow('MOVED');

    redis.disconnect();
    await cluster.stop();
    expect(cluster.servers.some(({ isRunning }) => isRunning)).toBe(false);
  });

  it('replaces a master that is killed with its replica', async () => {
    cluster = await RedisCluster.start({ replicas: 1 });
    const old = await cluster.masterOf('foo');

    await old.kill();
    const next = await cluster.untilReplaced('foo', old);

    expect(cluster.servers).toHaveLength(6);
    expect(next).not.toBe(old);
    expect(next.isRunning).toBe(true);
  });
});
