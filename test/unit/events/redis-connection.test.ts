import {
  describeEndpoint,
  describeRedisError,
  parseRedisUrl,
  reconnectDelay,
} from '../../../src/redis/redis-connection.js';

function messageOf(url: string): string {
  try {
    parseRedisUrl(url);
  } catch (error) {
    return String(error);
  }
  return '';
}

describe('parseRedisUrl', () => {
  it('reads every part', () => {
    expect(parseRedisUrl('rediss://user:p%40ss@redis.example:6380/3')).toEqual({
      host: 'redis.example',
      port: 6380,
      username: 'user',
      password: 'p@ss',
      db: 3,
      isTls: true,
    });
  });

  it('fills in what is missing', () => {
    expect(parseRedisUrl('redis://redis')).toEqual({ host: 'redis', port: 6379, db: 0, isTls: false });
  });

  it('reads a password without a user', () => {
    expect(parseRedisUrl('redis://:secret@redis')).toMatchObject({ password: 'secret' });
    expect(parseRedisUrl('redis://:secret@redis').username).toBeUndefined();
  });

  it('lets no query parameter change how commands are executed', () => {
    const endpoint = parseRedisUrl('redis://redis?maxRetriesPerRequest=20&enableOfflineQueue=true');
    expect(endpoint).toEqual({ host: 'redis', port: 6379, db: 0, isTls: false });
  });

  it.each([
    'http://x:hidden@redis',
    'redis://',
    'redis',
    'redis://:hidden@redis/x',
    'redis://:hidden%zz@redis',
  ])('refuses %s without repeating it', (url) => {
    expect(messageOf(url)).toMatch(/Redis URL/);
    expect(messageOf(url)).not.toContain('hidden');
  });
});

describe('describeEndpoint', () => {
  it('shows host and port only', () => {
    expect(describeEndpoint(parseRedisUrl('redis://user:secret@redis:1234/1'))).toBe('redis:1234');
    expect(describeEndpoint(parseRedisUrl('redis://[::1]:1234'))).toBe('[::1]:1234');
  });
});

describe('describeRedisError', () => {
  it('names a reply by its code only, because it may quote what was sent', () => {
    const reply = new Error("ERR unknown command 'PUBLISH', with args beginning with: 'the payload'");
    reply.name = 'ReplyError';
    expect(describeRedisError(reply)).toBe('ERR');
  });
});

describe('reconnectDelay', () => {
  it('doubles from 100 ms to five seconds', () => {
    const longest = [1, 2, 3, 4, 5, 6, 7, 8, 10_000].map((attempt) => Math.round(reconnectDelay(attempt, 1)));
    expect(longest).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
  });

  it('spreads over the upper half', () => {
    expect(reconnectDelay(100, 0)).toBe(2_500);
  });
});
