import { RedisPublisher } from '../../src/events/redis-publisher.js';
import { checkServer } from '../../src/redis/server-check.js';
import { RedisSentinel } from '../support/redis-sentinel.js';
import { until } from '../support/until.js';
import { subscribeTo } from '../unit/redis/heard.js';
import { untilAvailable, useLinks } from '../unit/redis/link.support.js';
import { enqueued, RecordingLogger, Subscriber } from '../unit/events/events.support.js';

const PATIENCE_MS = 20_000;
const open = useLinks();
let topology: RedisSentinel;

beforeEach(async () => {
  topology = await RedisSentinel.start();
});

afterEach(async () => {
  await topology.stop();
});

describe('a link through Sentinels', () => {
  it('works again within 5 seconds of the death of the master', async () => {
    const link = open(topology.url);
    await link.ready(PATIENCE_MS);
    expect(await link.client.set('key', 'value')).toBe('OK');
    await link.client.wait(1, 5_000);

    const old = await topology.killMaster();
    const start = performance.now();
    await untilAvailable(link, false);
    await untilAvailable(link, true);
    expect(await link.client.incr('n')).toBe(1);

    expect(performance.now() - start).toBeLessThan(5_000);
    await topology.untilReplaced(old);
    expect(await link.client.get('key')).toBe('value');
    expect(link.lines.filter((line) => line.includes('Connected to Redis'))).toHaveLength(2);
  });

  it('leaves a master that stands still within 2 seconds, and does not return to it', async () => {
    const link = open(topology.url);
    await link.ready(PATIENCE_MS);
    const old = await topology.master();

    await old.pause();
    expect(await untilAvailable(link, false)).toBeLessThan(2_000);
    await untilAvailable(link, true);
    expect(await link.client.incr('n')).toBe(1);

    old.resume();
    // The Sentinels make a replica of it, which follows the new master.
    await until(async () => (await link.client.wait(1, 100)) === 1);
    expect(await link.client.incr('n')).toBe(2);
    await topology.untilReplaced(old);
  });

  it('says that no Sentinel knows the name', async () => {
    const link = open(topology.url.replace(topology.masterName, 'other'));
    await expect(link.ready(1_000)).rejects.toThrow('is unavailable (no Sentinel reports a master)');
  });

  it('finds the master while a Sentinel is out of reach', async () => {
    const link = open(topology.url.replace('redis+sentinel://', 'redis+sentinel://127.0.0.1:1,'));
    await link.ready(PATIENCE_MS);
  });

  it('refuses a Sentinel that is taken for a server', async () => {
    const link = open(`redis://127.0.0.1:${topology.sentinelPorts[0]}`);
    await until(() => link.client.status === 'ready');
    await expect(checkServer(link.client, { warn: () => undefined })).rejects.toThrow('redis+sentinel://');
  });

  it('carries the events of the publisher, after a fail-over too', async () => {
    const logger = new RecordingLogger();
    const events = new RedisPublisher({
      url: topology.url,
      channelPrefix: 'task',
      bufferSize: 1_000,
      connection: { name: 'test', timeoutMs: 2_000 },
      logger,
    });
    await logger.until(1);
    const old = await topology.killMaster();
    const next = await topology.untilReplaced(old);
    const subscriber = await Subscriber.listen(next.url);
    await until(() => events.status === 'connected' && logger.lines.length >= 3);

    events.publish(enqueued(3));
    await subscriber.untilId(3);

    expect(subscriber.ids).toEqual([1, 2, 3]);
    subscriber.close();
    await events.close();
  });

  it('hears on a subscription, also after a fail-over', async () => {
    const link = open(topology.url);
    await link.ready(PATIENCE_MS);
    const { subscription, from, doubts } = subscribeTo(link);
    expect(await subscription.ready(PATIENCE_MS)).toBe(true);

    const next = await topology.untilReplaced(await topology.killMaster());
    await from(next, 'text');
    expect(doubts()).toBeGreaterThan(0);
  });
});
