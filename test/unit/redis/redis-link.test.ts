import { RedisServer, type RedisServerOptions } from '../../support/redis-server.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { until } from '../../support/until.js';
import { untilAvailable, useLinks } from './link.support.js';
import { freePort } from '../../support/free-port.js';
import { subscribeTo } from './heard.js';
import { ask } from './link.support.js';

const open = useLinks();
const opened: { close: () => Promise<unknown> }[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const server = await RedisServer.start(options);
  opened.push({ close: () => server.stop() });
  return server;
}

/** A Redis with a proxy in front of it. */
async function startBehindProxy() {
  const server = await startRedis();
  const proxy = await TcpProxy.to(server.port);
  opened.push(proxy);
  return { server, proxy, url: `redis://127.0.0.1:${proxy.port}` };
}

describe('openRedisLink', () => {
  it('is there when the server answers, and says so once', async () => {
    const server = await startRedis();
    const link = open(server.url);
    expect(link.isAvailable).toBe(false);
    await link.ready(10_000);

    expect(link.isAvailable).toBe(true);
    expect(link.isCluster).toBe(false);
    expect(await link.client.set('key', 'value')).toBe('OK');
    expect(link.lines).toEqual([`Connected to Redis 127.0.0.1:${server.port}`]);
  });

  it('says where nobody listens, and is there when somebody does', async () => {
    const port = await freePort();
    const link = open(`redis://:secret@127.0.0.1:${port}`);
    const absence = `Redis 127.0.0.1:${port} is unavailable (ECONNREFUSED); start it, or correct REDIS_URL`;
    await until(() => link.lines.length > 0);
    await expect(link.ready(1)).rejects.toThrow(absence);
    await expect(link.client.set('key', 'value')).rejects.toThrow();

    await startRedis({ port, args: ['--requirepass', 'secret'] });
    await untilAvailable(link, true);
    expect(link.lines).toEqual([
      `Redis 127.0.0.1:${port} is unavailable (ECONNREFUSED)`,
      `Connected to Redis 127.0.0.1:${port}`,
    ]);
  });

  it('says at once that the password is wrong, and not which', async () => {
    const server = await startRedis({ args: ['--requirepass', 'right'] });
    for (const access of [':guessed', 'user:guessed', '']) {
      const url = `redis://${access}${access && '@'}127.0.0.1:${server.port}`;
      const link = open(url);
      const text = `Redis 127.0.0.1:${server.port} rejected the user or the password`;
      await expect(link.ready(20_000)).rejects.toThrow(text);
      expect(link.lines.join()).not.toContain('guessed');
    }
  });

  it('comes back to the same server after its restart', async () => {
    const server = await startRedis();
    const link = open(server.url);
    await link.ready(10_000);

    await server.kill();
    await untilAvailable(link, false);
    await expect(link.client.incr('n')).rejects.toThrow();
    await server.restart();

    await untilAvailable(link, true);
    expect(await link.client.incr('n')).toBe(1);
  });

  it('notices that an idle server stands still, and rejects what waits for it', async () => {
    const server = await startRedis();
    const link = open(server.url);
    await link.ready(10_000);

    await server.pause();
    const waiting = link.client.incr('n').then(String, String);
    await untilAvailable(link, false);
    expect(await waiting).toMatch(/Error/);
    expect(link.lines.at(-1)).toBe(`Redis 127.0.0.1:${server.port} is unavailable (no reply)`);

    server.resume();
    await untilAvailable(link, true);
  });

  it('notices a black hole, and is back after its end', async () => {
    const { proxy, url } = await startBehindProxy();
    const link = open(url);
    await link.ready(10_000);

    proxy.blackhole();
    await untilAvailable(link, false);
    // Now it tries to connect, into the black hole.
    await until(() => proxy.connections > 0);
    await proxy.pass();
    await untilAvailable(link, true);
  });

  it('is back after it was cut off, and refused', async () => {
    const { proxy, url } = await startBehindProxy();
    const link = open(url);
    await link.ready(10_000);

    await proxy.cut();
    await untilAvailable(link, false);
    await until(() => link.client.status === 'reconnecting');
    await proxy.pass();
    await untilAvailable(link, true);
  });

  it('executes a command whose reply is lost once', async () => {
    const { server, proxy, url } = await startBehindProxy();
    const link = open(url);
    await link.ready(10_000);

    await proxy.dropReplies();
    const replies = await Promise.all(
      Array.from({ length: 10 }, () => link.client.eval("return redis.call('INCR', KEYS[1])", 1, 'n')).map(
        (reply) => reply.then(String, () => 'lost'),
      ),
    );
    await untilAvailable(link, false);
    await proxy.pass();
    await untilAvailable(link, true);
    await link.client.incr('after');

    expect(replies).toEqual(Array.from({ length: 10 }, () => 'lost'));
    expect(await ask(server, (redis) => redis.mget('n', 'after'))).toEqual(['10', '1']);
  });

  it('is unavailable on a server that has become a replica until it takes writes again', async () => {
    const master = await startRedis();
    const server = await startRedis();
    const link = open(server.url);
    await link.ready(10_000);

    await ask(server, (redis) => redis.replicaof('127.0.0.1', master.port));
    await untilAvailable(link, false);
    expect(link.lines.at(-1)).toMatch(/is unavailable \((a replica|connection closed)\)$/);
    await ask(server, (redis) => redis.replicaof('NO', 'ONE'));

    await untilAvailable(link, true);
    expect(await link.client.set('key', 'value')).toBe('OK');
  });

  it('connects again when a write is refused by a replica, and does not send it again', async () => {
    const master = await startRedis();
    const server = await startRedis();
    // Nothing but the refusal tells: no beat comes in time.
    const link = open(server.url, { timeoutMs: 60_000 });
    await link.ready(10_000);
    const closed = new Promise((resolve) => link.client.once('close', resolve));

    await ask(server, (redis) => redis.replicaof('127.0.0.1', master.port));
    const script = "#!lua\nreturn redis.call('INCR', KEYS[1])";
    await expect(link.client.eval(script, 1, 'n')).rejects.toThrow('READONLY');
    await closed;
    await ask(server, (redis) => redis.replicaof('NO', 'ONE'));
    await untilAvailable(link, true);
    expect(await link.client.get('n')).toBeNull();
  });

  it('is there only when the server has loaded its data', async () => {
    // A quarter of a minute for three thousand keys, unless it is told otherwise; it answers every quarter of a second.
    const slow = ['--key-load-delay', '5000', '--loading-process-events-interval-bytes', '1024'];
    const server = await startRedis({ args: slow });
    const link = open(server.url);
    await link.ready(10_000);
    const keys = Array.from({ length: 3_000 }, (_, index) => `key-${index}`);
    await ask(server, (redis) =>
      redis.mset(...keys.flatMap((key) => [key, 'value'])).then(() => redis.save()),
    );

    const loading = server.restart();
    await untilAvailable(link, false);
    await until(() => link.client.status === 'ready');
    const refusal = await link.client.get('key-1').then(String, String);
    expect([refusal.slice(0, 19), link.isAvailable]).toEqual(['ReplyError: LOADING', false]);

    await link.client.config('SET', 'key-load-delay', '0');
    await loading;
    await untilAvailable(link, true);
    expect(await link.client.exists(...keys)).toBe(3_000);
  });

  it('closes for good, whatever state it is in', async () => {
    const { server, proxy, url } = await startBehindProxy();
    const early = open(url);
    await early.close();
    const late = open(url);
    subscribeTo(late);
    await late.ready(10_000);
    await late.close();
    const away = open(`redis://127.0.0.1:${await freePort()}`);
    await away.ready(200).catch(() => undefined);
    await away.close();
    proxy.blackhole();
    const lost = open(url);
    await until(() => proxy.connections > 0);
    await lost.close();
    await proxy.pass();

    for (const link of [early, late, away, lost]) {
      expect(link.isAvailable).toBe(false);
      await expect(link.client.ping()).rejects.toThrow();
    }
    expect(await ask(server, (redis) => redis.client('LIST'))).not.toContain('name=test');
  });
});
