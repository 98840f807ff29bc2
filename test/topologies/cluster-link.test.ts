import { Cluster } from 'ioredis';
import { RedisPublisher } from '../../src/events/redis-publisher.js';
import { checkServer } from '../../src/redis/server-check.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisServer } from '../support/redis-server.js';
import { until } from '../support/until.js';
import { enqueued, RecordingLogger, Subscriber } from '../unit/events/events.support.js';
import { subscribeTo } from '../unit/redis/heard.js';
import { untilAvailable, useLinks } from '../unit/redis/link.support.js';
import { ask } from '../unit/redis/link.support.js';

const PATIENCE_MS = 20_000;
/** One key for each master. */
const KEYS = ['foo', 'bar', 'c'];
const open = useLinks();
let cluster: RedisCluster;

afterEach(async () => {
  await cluster.stop();
});

async function start(replicas: 0 | 1 = 0): Promise<void> {
  cluster = await RedisCluster.start({ replicas });
}

async function openReady(url = cluster.url) {
  const link = open(url);
  await link.ready(PATIENCE_MS);
  return link;
}

describe('a link to a Cluster', () => {
  it('is there when all of it is, and has a connection to each master by then', async () => {
    await start();
    const link = await openReady(`redis+cluster://127.0.0.1:${cluster.servers[0]?.port}`);
    expect(link.isCluster).toBe(true);
    const replies = await Promise.all(
      Array.from({ length: 30 }, (_, index) => link.client.incr(`${KEYS[index % 3]}`)),
    );
    expect(Math.max(...replies)).toBe(10);
    expect(link.lines).toHaveLength(1);
  });

  it('works again within 5 seconds of the death of a master', async () => {
    await start(1);
    const link = await openReady();
    const old = await cluster.masterOf('foo');

    await old.kill();
    const begin = performance.now();
    await untilAvailable(link, false);
    await untilAvailable(link, true);
    const took = performance.now() - begin;

    expect(await Promise.all(KEYS.map((key) => link.client.incr(key)))).toEqual([1, 1, 1]);
    expect(took).toBeLessThan(5_000);
  });

  it('notices within 2 seconds that a master stands still, and executes nothing twice', async () => {
    await start();
    const link = await openReady();
    const master = await cluster.masterOf('foo');

    await master.pause();
    const waiting = link.client.incr('foo').then(String, () => 'lost');
    expect(await untilAvailable(link, false)).toBeLessThan(2_000);
    expect(await waiting).toBe('lost');
    master.resume();
    expect(await untilAvailable(link, true)).toBeLessThan(5_000);

    expect(Number((await link.client.get('foo')) ?? 0)).toBeLessThanOrEqual(1);
    expect(await link.client.incr('bar')).toBe(1);
  });

  it('does not send a command again whose connection was lost', async () => {
    await start();
    const link = await openReady();
    const master = await cluster.masterOf('foo');
    const nodes = link.client instanceof Cluster ? link.client.nodes('master') : [];
    const node = nodes.find(({ options }) => options.port === master.port);

    // What was sent waits at the server, which will read it after the connection has ended.
    await master.pause();
    const waiting = link.client.incr('foo').then(String, () => 'lost');
    await new Promise(setImmediate);
    node?.stream.destroy();
    expect(await waiting).toBe('lost');
    master.resume();
    await until(() => link.isAvailable);

    expect(await link.client.get('foo')).toBe('1');
  });

  it('comes back when all nodes come back', async () => {
    await start();
    const link = await openReady();
    await Promise.all(cluster.servers.map((server) => server.kill()));
    await untilAvailable(link, false);
    await until(() => link.client.status === 'reconnecting');
    await Promise.all(cluster.servers.map((server) => server.restart()));
    await until(async () => {
      const states = await Promise.all(
        cluster.servers.map((server) => ask(server, (redis) => redis.cluster('INFO'))),
      );
      return states.every((state) => state.includes('cluster_state:ok'));
    });

    expect(await untilAvailable(link, true)).toBeLessThan(5_000);
    expect(await Promise.all(KEYS.map((key) => link.client.incr(key)))).toEqual([1, 1, 1]);
  });

  it('follows a slot to another master, while it moves and after, and executes once', async () => {
    await start();
    const link = await openReady();
    const from = await cluster.masterOf('foo');
    const to = await cluster.masterOf('bar');
    const slot = await ask(from, (redis) => redis.cluster('KEYSLOT', 'foo'));
    const [fromId, toId] = await Promise.all(
      [from, to].map((server) => ask(server, (redis) => redis.cluster('MYID'))),
    );

    await ask(to, (redis) => redis.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(fromId)));
    await ask(from, (redis) => redis.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(toId)));
    expect(await link.client.incr('foo')).toBe(1);
    for (const server of cluster.servers) {
      await ask(server, (redis) => redis.call('CLUSTER', 'SETSLOT', slot, 'NODE', String(toId)));
    }
    expect(await link.client.incr('foo')).toBe(2);
    await until(() => link.isAvailable);
    expect(await link.client.incr('foo')).toBe(3);
  });

  it('hears on a subscription what is published at any node, again when the node of the URL has died', async () => {
    await start(1);
    const own = await cluster.masterOf('foo');
    const link = await openReady(`redis+cluster://127.0.0.1:${own.port}`);
    const { from } = subscribeTo(link);
    for (const server of cluster.servers) await from(server, `from ${server.port}`);

    await own.kill();
    const other = cluster.servers.find((server) => server !== own);
    if (!other) throw new Error('A cluster has several nodes');
    await from(other, 'after');
    await untilAvailable(link, true);
  });

  it('leaves a node on a subscription that has left the Cluster and is still up', async () => {
    await start();
    const added = await cluster.addMaster();
    // It knows no other node when it subscribes.
    const link = open(`redis+cluster://127.0.0.1:${added.port}`);
    const { subscription, from, doubts } = subscribeTo(link);
    expect(await subscription.ready(PATIENCE_MS)).toBe(true);
    await link.ready(PATIENCE_MS);
    expect(await ask(added, (redis) => redis.pubsub('NUMSUB', 'news'))).toEqual(['news', 1]);

    await cluster.forget(added);
    const [other] = cluster.servers;
    if (!other) throw new Error('A cluster has several nodes');
    await from(other, 'after');
    expect(doubts()).toBeGreaterThan(0);
    expect(link.isAvailable).toBe(true);
  });

  it('publishes through the nodes that there are when those of the URL are gone', async () => {
    await start(1);
    const own = await cluster.masterOf('foo');
    const logger = new RecordingLogger();
    const events = new RedisPublisher({
      url: `redis+cluster://127.0.0.1:${own.port}`,
      channelPrefix: 'task',
      bufferSize: 1_000,
      connection: { name: 'test', timeoutMs: 2_000 },
      logger,
    });
    await until(() => events.status === 'connected');
    const learned = async () =>
      String(await ask(own, (redis) => redis.client('LIST'))).includes('cmd=cluster|slots');
    await until(learned);
    await own.kill();
    await until(() => events.status === 'disconnected');
    await until(() => events.status === 'connected');
    await events.close();
  });

  it('carries the events of the publisher in order, through one node at a time', async () => {
    await start();
    const logger = new RecordingLogger();
    const connection = { name: 'test', timeoutMs: 2_000 };
    const events = new RedisPublisher({
      url: cluster.url,
      channelPrefix: 'task',
      bufferSize: 10_000,
      connection,
      logger,
    });
    await logger.until(1);
    const subscriber = await Subscriber.listen(cluster.servers[2]?.url ?? '');

    events.publish(enqueued(2_000));
    await subscriber.untilId(2_000);

    expect(subscriber.ids).toEqual(Array.from({ length: 2_000 }, (_, index) => index + 1));
    subscriber.close();
    await events.close();
  });

  it('is refused when one of its masters evicts', async () => {
    await start();
    const master = await cluster.masterOf('bar');
    await ask(master, (redis) => redis.config('SET', 'maxmemory-policy', 'allkeys-lru'));
    const link = await openReady();
    await expect(checkServer(link.client, { warn: () => undefined })).rejects.toThrow(
      `Redis 127.0.0.1:${master.port} drops tasks`,
    );
  });

  it('says that the address is none of a Cluster', async () => {
    await start();
    const single = await RedisServer.start();
    const link = open(single.url.replace('redis:', 'redis+cluster:'));
    await expect(link.ready(1_000)).rejects.toThrow('is unavailable (not a Cluster)');
    await single.stop();
  });

  it('needs no more of a user than to look at the cluster', async () => {
    await start();
    for (const server of cluster.servers) {
      await ask(server, (redis) =>
        redis.acl(
          'SETUSER',
          'service',
          'on',
          '>secret',
          '~cq:*',
          '+ping',
          '+cluster|slots',
          '+cluster|info',
          '+incr',
        ),
      );
    }
    const link = await openReady(cluster.url.replace('//', '//service:secret@'));
    expect(await link.client.incr('cq:{foo}')).toBe(1);
    await expect(link.client.incr('foo')).rejects.toThrow('NOPERM');
  });

  it('says at once that the password is wrong', async () => {
    await start();
    const link = open(cluster.url.replace('//', '//service:guessed@'));
    await expect(link.ready(PATIENCE_MS)).rejects.toThrow('rejected the user or the password (WRONGPASS)');
    expect(link.lines.join()).not.toContain('guessed');
  });
});
