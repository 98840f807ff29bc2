import { RedisServer } from '../../support/redis-server.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { until } from '../../support/until.js';
import { subscribeTo } from './heard.js';
import { ask, useLinks } from './link.support.js';

const PATIENCE_MS = 20_000;
/** What is silent is noticed sooner than with the default. */
const QUICK = { timeoutMs: 800 };
const open = useLinks();
const opened: { close: () => Promise<unknown> }[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

async function startRedis(args: readonly string[] = []): Promise<RedisServer> {
  const server = await RedisServer.start({ args: [...args] });
  opened.push({ close: () => server.stop() });
  return server;
}

describe('a subscription', () => {
  it('receives messages again after each fault', async () => {
    const server = await startRedis();
    const proxy = await TcpProxy.to(server.port);
    opened.push(proxy);
    const link = open(`redis://127.0.0.1:${proxy.port}`, QUICK);
    const { subscription, from, doubts } = subscribeTo(link);
    expect(await subscription.ready(PATIENCE_MS)).toBe(true);
    expect(doubts()).toBe(0);
    await from(server, 'one');

    proxy.blackhole();
    await until(() => !subscription.isHealthy);
    await proxy.pass();
    await from(server, 'two');
    await proxy.cut();
    await proxy.pass();
    await from(server, 'three');
    expect(doubts()).toBeGreaterThan(1);
  });

  it('leaves a server that answers but no longer gets the publications', async () => {
    const old = await startRedis();
    const proxy = await TcpProxy.to(old.port);
    opened.push(proxy);
    const link = open(`redis://127.0.0.1:${proxy.port}`, QUICK);
    const { subscription, from, doubts } = subscribeTo(link);
    await link.ready(PATIENCE_MS);
    await subscription.ready(PATIENCE_MS);

    const next = await startRedis();
    proxy.leadTo(next.port);
    await ask(old, async (redis) => {
      const list = String(await redis.client('LIST'));
      const id = /id=(\d+) .*name=test /.exec(list)?.[1];
      await redis.client('KILL', 'ID', Number(id));
    });
    await from(next, 'news');

    expect(doubts()).toBeGreaterThan(0);
    expect(subscription.trouble).toBe('connected, but receives no messages');
    expect(await ask(old, (redis) => redis.pubsub('NUMSUB', 'news'))).toEqual(['news', 0]);
  });

  it('retries after a refusal, logs it once, and makes its user look for tasks meanwhile', async () => {
    const server = await startRedis(['--user', 'service', 'on', '>secret', '+@all', '~*', 'resetchannels']);
    const link = open(`redis://service:secret@127.0.0.1:${server.port}`, { timeoutMs: 200 });
    await link.ready(PATIENCE_MS);
    const { subscription, from, doubts } = subscribeTo(link);
    await until(() => link.lines.length > 1);
    expect(await subscription.ready(1)).toBe(false);
    expect(subscription.trouble).toBe('NOPERM');

    await ask(server, (redis) => redis.acl('SETUSER', 'service', 'allchannels'));
    await from(server, 'news');
    // It is not well yet when it hears the first message.
    await until(() => subscription.isHealthy);
    // Once it has heard, it has its user look for what it does not hear.
    await ask(server, (redis) => redis.acl('SETUSER', 'service', 'resetchannels'));
    await until(() => !subscription.isHealthy);
    const before = doubts();
    await until(() => doubts() > before);
    await ask(server, (redis) => redis.acl('SETUSER', 'service', 'allchannels'));
    await until(() => subscription.isHealthy);
    const told = link.lines.filter((line) => line.includes('subscription'));
    expect(told.slice(0, 2)).toEqual([
      `Redis 127.0.0.1:${server.port}: the subscription is down (NOPERM); until it recovers, parked polls check for tasks every few seconds`,
      `Redis 127.0.0.1:${server.port}: the subscription has recovered`,
    ]);
  });

  it('works without an echo for a user who lacks the permission', async () => {
    const server = await startRedis(['--user', 'service', 'on', '>secret', '+@all', '~*', '&news']);
    const link = open(`redis://service:secret@127.0.0.1:${server.port}`, QUICK);
    await link.ready(PATIENCE_MS);
    const { subscription, from } = subscribeTo(link);
    expect(await subscription.ready(PATIENCE_MS)).toBe(true);
    await from(server, 'news');
    expect(subscription.isHealthy).toBe(true);
  });
});
