import { Certificates } from '../support/certificates.js';
import { subscribeTo } from '../unit/redis/heard.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisSentinel } from '../support/redis-sentinel.js';
import { untilAvailable, useLinks } from '../unit/redis/link.support.js';

const PATIENCE_MS = 20_000;
const open = useLinks();
const certificates = new Certificates();
const opened: { stop: () => Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.stop()));
});

afterAll(() => {
  certificates.remove();
});

describe('a link with TLS', () => {
  it('leads through Sentinels with TLS to the master, also to the next one', async () => {
    const topology = await RedisSentinel.start({ certificates });
    opened.push(topology);
    const link = open(topology.url, { caFile: certificates.caFile });
    await link.ready(PATIENCE_MS);
    expect(await link.client.set('key', 'value')).toBe('OK');

    await topology.killMaster();
    await untilAvailable(link, false);
    await untilAvailable(link, true);
    expect(await link.client.set('key', 'value')).toBe('OK');
  });

  it('trusts no Sentinel of another authority', async () => {
    const topology = await RedisSentinel.start({ certificates });
    opened.push(topology);
    await expect(open(topology.url).ready(2_000)).rejects.toThrow('is unavailable');
  });

  it('leads to every master of a Cluster, and hears there', async () => {
    const cluster = await RedisCluster.start({ certificates });
    opened.push(cluster);
    const link = open(cluster.url, { caFile: certificates.caFile });
    await link.ready(PATIENCE_MS);
    const replies = await Promise.all(['foo', 'bar', 'c'].map((key) => link.client.incr(key)));
    expect(replies).toEqual([1, 1, 1]);

    expect(await subscribeTo(link).subscription.ready(PATIENCE_MS)).toBe(true);
  });
});
