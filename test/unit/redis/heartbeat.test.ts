import { once } from 'node:events';
import { Redis } from 'ioredis';
import { answers, BEATS_PER_TIMEOUT, Heartbeat } from '../../../src/redis/heartbeat.js';
import { RedisServer } from '../../support/redis-server.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { until } from '../../support/until.js';

let server: RedisServer;
let proxy: TcpProxy;
let redis: Redis;
let heartbeat: Heartbeat;

beforeEach(async () => {
  server = await RedisServer.start();
  proxy = await TcpProxy.to(server.port);
  redis = new Redis(proxy.port, '127.0.0.1', { lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => undefined);
  heartbeat = new Heartbeat(redis, answers, () => undefined);
  await redis.connect();
  await until(() => heartbeat.isHealthy);
});

afterEach(async () => {
  // One that has ended would keep a timer for the socket that is gone.
  if (redis.status !== 'end') redis.disconnect();
  await proxy.close();
  await server.stop();
});

describe('Heartbeat', () => {
  it('finds a silent server out before its time is up, and resets the connection', async () => {
    const closed = once(redis, 'close');
    proxy.blackhole();
    let beats = 0;
    while (heartbeat.isHealthy && beats < 2 * BEATS_PER_TIMEOUT) {
      heartbeat.beat();
      beats += 1;
    }
    expect(heartbeat.trouble).toBe('no reply');
    expect(beats).toBeLessThan(BEATS_PER_TIMEOUT);
    await closed;
  });

  it('lets a server that answers be, however often it beats', async () => {
    for (let beat = 0; beat < 3 * BEATS_PER_TIMEOUT; beat += 1) {
      heartbeat.beat();
      await redis.ping();
    }
    expect(heartbeat.isHealthy).toBe(true);
    expect(redis.status).toBe('ready');
  });

  it('does not take a long answer for silence', async () => {
    await redis.set('long', 'x'.repeat(20_000_000));
    proxy.trickle();
    const answer = redis.get('long');
    let { bytesRead } = redis.stream;
    for (let beat = 0; beat < 3 * BEATS_PER_TIMEOUT; beat += 1) {
      await until(() => redis.stream.bytesRead > bytesRead);
      ({ bytesRead } = redis.stream);
      heartbeat.beat();
    }
    // Its own questions wait behind the long answer, which is not there yet.
    expect(bytesRead).toBeLessThan(20_000_000);
    expect(heartbeat.isHealthy).toBe(true);
    await proxy.pass();
    expect(await answer).toHaveLength(20_000_000);
  });
});
