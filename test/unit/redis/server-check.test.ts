import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { checkServer } from '../../../src/redis/server-check.js';
import { RedisServer } from '../../support/redis-server.js';
import { Lines, useLinks } from './link.support.js';
import { freePort } from '../../support/free-port.js';

const open = useLinks();
const servers: RedisServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function startRedis(...args: string[]): Promise<RedisServer> {
  const server = await RedisServer.start({ args });
  servers.push(server);
  return server;
}

/** The lines that the check logs. */
async function check(url: string): Promise<string[]> {
  const link = open(url);
  await link.ready(10_000);
  const { log, logger } = new Lines();
  await checkServer(link.client, logger);
  return log;
}

const DURABLE = ['--appendonly', 'yes'];

describe('checkServer', () => {
  it('has nothing to say of a server that keeps everything', async () => {
    expect(await check((await startRedis(...DURABLE)).url)).toEqual([]);
    expect(await check((await startRedis('--save', '60 1')).url)).toEqual([]);
  });

  it('warns when nothing is written to disk', async () => {
    const { url, port } = await startRedis();
    expect(await check(url)).toEqual([
      `Redis 127.0.0.1:${port} keeps tasks in memory only and loses them on a restart; set appendonly to yes`,
    ]);
  });

  it('warns when the system decides what is written when', async () => {
    const { url, port } = await startRedis(...DURABLE, '--appendfsync', 'no');
    expect(await check(url)).toEqual([
      `Redis 127.0.0.1:${port} flushes tasks to disk only when the system decides; set appendfsync to everysec or always`,
    ]);
  });

  it.each(['allkeys-lru', 'volatile-ttl'])('refuses a server that evicts (%s)', async (policy) => {
    const { url, port } = await startRedis('--maxmemory-policy', policy);
    await expect(check(url)).rejects.toThrow(
      `Redis 127.0.0.1:${port} drops tasks when its memory is full (maxmemory-policy ${policy}); set maxmemory-policy to noeviction`,
    );
  });

  it('refuses a node of a Cluster that is taken for a server of its own', async () => {
    const { url } = await startRedis('--cluster-enabled', 'yes', '--cluster-port', String(await freePort()));
    await expect(check(url)).rejects.toThrow('set REDIS_URL to redis+cluster://');
  });

  it('refuses such a node also where Valkey tells it', async () => {
    const { port } = await startRedis('--cluster-enabled', 'yes', '--cluster-port', String(await freePort()));
    const valkey = await disguise(port, /redis_mode:cluster\r\nos:./, 'server_mode:cluster\r\nos:');
    await expect(check(valkey.url)).rejects.toThrow('set REDIS_URL to redis+cluster://');
    valkey.server.close();
  });

  it('refuses a version that is too old', async () => {
    const server = await startRedis(...DURABLE);
    const older = await disguise(server.port, /redis_version:\d/, 'redis_version:6');
    await expect(check(older.url)).rejects.toThrow(
      /has version 6\.[\d.]+; the service needs Redis 7\.0, Valkey 7\.2, or newer$/,
    );
    older.server.close();
  });

  it.each([
    ['all that it wants to know', '+info +config|get', 1],
    ['INFO, but not CONFIG', '+info', 1],
    ['CONFIG, but not INFO', '+config|get', 0],
    ['neither', '', 0],
  ])('passes over what a user may not see: who sees %s', async (_who, permissions, warnings) => {
    const server = await startRedis('--user', ...`service on >secret +ping ${permissions}`.trim().split(' '));
    const lines = await check(`redis://service:secret@127.0.0.1:${server.port}`);
    expect(lines).toHaveLength(warnings);
  });

  it('refuses eviction also when CONFIG is forbidden', async () => {
    const user = ['service', 'on', '>secret', '+ping', '+info'];
    const server = await startRedis('--user', ...user, '--maxmemory-policy', 'allkeys-lru');
    const url = `redis://service:secret@127.0.0.1:${server.port}`;
    await expect(check(url)).rejects.toThrow('maxmemory-policy');
  });
});

/** In front of a server, and tells something else in a place, in a text that must be as long. */
async function disguise(port: number, place: RegExp, text: string): Promise<{ url: string; server: Server }> {
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    client.on('error', () => undefined).on('close', () => upstream.destroy());
    upstream.on('error', () => undefined).on('close', () => client.destroy());
    client.pipe(upstream);
    upstream.on('data', (chunk) => {
      client.write(chunk.toString('latin1').replace(place, text), 'latin1');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return { url: `redis://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, server };
}
