import { reconnectDelay, tlsOptions } from '../../../src/redis/connection-options.js';
import { parseRedisUrl } from '../../../src/config/redis-url.js';

describe('reconnectDelay', () => {
  it('doubles from 100 ms to one second', () => {
    const longest = [1, 2, 3, 4, 5, 6, 10_000].map((attempt) => Math.round(reconnectDelay(attempt, 1)));
    expect(longest).toEqual([100, 200, 400, 800, 1_000, 1_000, 1_000]);
  });

  it('spreads over the upper half', () => {
    expect(reconnectDelay(100, 0)).toBe(500);
  });
});

describe('tlsOptions', () => {
  const settings = { name: 'test', timeoutMs: 1_000 };

  it('asks for a certificate by name where there is one', () => {
    const endpoint = parseRedisUrl('rediss://h');
    expect(tlsOptions(endpoint, settings, 'h')).toEqual({ servername: 'h' });
    expect(tlsOptions(endpoint, settings, '127.0.0.1')).toEqual({});
    expect(tlsOptions(parseRedisUrl('redis://h'), settings, 'h')).toBeUndefined();
  });

  it('names the setting when the file of authorities cannot be read', () => {
    const read = () => tlsOptions(parseRedisUrl('rediss://h'), { ...settings, caFile: '/no/such/file' });
    expect(read).toThrow('Cannot read REDIS_TLS_CA_FILE: /no/such/file');
  });
});
