import { Redis } from 'ioredis';
import { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { untilAvailable, useLinks } from './link.support.js';

const open = useLinks();
const servers: RedisServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

/** A server and a user who may do only this. */
async function startWith(permissions: string): Promise<{ server: RedisServer; url: string }> {
  const server = await RedisServer.start({
    args: ['--user', ...`service on >secret ${permissions}`.trim().split(' ')],
  });
  servers.push(server);
  return { server, url: `redis://service:secret@127.0.0.1:${server.port}` };
}

describe('a link with few permissions', () => {
  it('works with PING alone', async () => {
    const { url } = await startWith('+ping');
    const link = open(url);
    await link.ready(10_000);
    await expect(link.client.set('cq:key', 'value')).rejects.toThrow('NOPERM');
    expect(link.isAvailable).toBe(true);
  });

  it('works with none at all', async () => {
    const { url } = await startWith('');
    await open(url).ready(10_000);
  });

  it('sees with ROLE that the server has become a replica', async () => {
    const { server, url } = await startWith('+ping +role');
    const link = open(url);
    await link.ready(10_000);
    const admin = new Redis(server.url);
    await admin.replicaof('127.0.0.1', '1');
    admin.disconnect();
    await untilAvailable(link, false);
    expect(link.lines.at(-1)).toMatch(/is unavailable/);
  });

  it('reaches the keys and channels of its prefixes, and no others', async () => {
    const { url } = await startWith('~cq:* &task:* +ping +role +info +set +subscribe +publish');
    const link = open(url);
    await link.ready(10_000);
    expect(await link.client.set('cq:key', 'value')).toBe('OK');
    await expect(link.client.set('other', 'value')).rejects.toThrow('NOPERM');
    const subscribe = (channel: string) =>
      link.subscribe({
        channels: [channel],
        echoChannel: 'task:echo',
        onMessage: () => undefined,
        onDoubt: () => undefined,
      });
    expect(await subscribe('task:queued').ready(10_000)).toBe(true);
    const refused = subscribe('other');
    await until(() => refused.trouble === 'NOPERM');
    expect(refused.isHealthy).toBe(false);
  });
});
