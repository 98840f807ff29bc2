import { RedisPublisher } from '../../../src/events/redis-publisher.js';
import { Certificates } from '../../support/certificates.js';
import { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { untilAvailable, useLinks } from './link.support.js';
import { freePort } from '../../support/free-port.js';

const open = useLinks();
let certificates: Certificates;
let server: RedisServer;

beforeAll(async () => {
  certificates = new Certificates();
  const port = await freePort();
  server = await RedisServer.start({ port, args: certificates.serverArgs(port) });
});

afterAll(async () => {
  await server.stop();
  certificates.remove();
});

describe('a link with TLS', () => {
  it.each(['127.0.0.1', 'localhost'])('trusts the given authority (%s)', async (host) => {
    const link = open(`rediss://${host}:${server.port}`, { caFile: certificates.caFile });
    await link.ready(10_000);
    expect(await link.client.set('key', 'value')).toBe('OK');
  });

  it('trusts nobody else', async () => {
    const link = open(`rediss://127.0.0.1:${server.port}`);
    await until(() => link.lines.length > 0);
    await expect(link.ready(1)).rejects.toThrow(/is unavailable \((SELF_SIGNED|UNABLE_TO_)\w+\)/);
  });

  it('wants a certificate for the address that it connects to', async () => {
    // This machine too, and not in the certificate.
    const host = '127.0.0.2';
    const port = await freePort();
    const args = ['--bind', host, ...certificates.serverArgs(port)];
    const other = await RedisServer.start({ port, args });
    const link = open(`rediss://${host}:${port}`, { caFile: certificates.caFile });
    await until(() => link.lines.length > 0);
    await expect(link.ready(1)).rejects.toThrow('is unavailable (ERR_TLS_CERT_ALTNAME_INVALID)');
    await other.stop();
  });

  it('is unavailable without TLS', async () => {
    await expect(open(`redis://127.0.0.1:${server.port}`).ready(500)).rejects.toThrow('is unavailable');
  });

  it('notices that the server stands still', async () => {
    const link = open(`rediss://127.0.0.1:${server.port}`, { caFile: certificates.caFile });
    await link.ready(10_000);
    await server.pause();
    await untilAvailable(link, false);
    server.resume();
    await untilAvailable(link, true);
  });

  it('carries events too', async () => {
    const publisher = new RedisPublisher({
      url: `rediss://127.0.0.1:${server.port}`,
      channelPrefix: 'task',
      bufferSize: 10,
      connection: { name: 'test', timeoutMs: 10_000, caFile: certificates.caFile },
      logger: { log: () => undefined, warn: () => undefined },
    });
    await until(() => publisher.status === 'connected');
    await publisher.close();
  });
});
