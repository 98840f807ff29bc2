import { describeEndpoint, parseRedisUrl } from '../../../src/config/redis-url.js';

function messageOf(url: string): string {
  try {
    parseRedisUrl(url);
  } catch (error) {
    return `${String(error)} ${JSON.stringify(error, Object.getOwnPropertyNames(error))}`;
  }
  return '';
}

describe('parseRedisUrl', () => {
  it('reads every part of the address of one server', () => {
    expect(parseRedisUrl('rediss://user:p%40ss@redis.example:6380/3')).toEqual({
      kind: 'standalone',
      host: 'redis.example',
      port: 6380,
      username: 'user',
      password: 'p@ss',
      db: 3,
      isTls: true,
    });
  });

  it('reads Sentinels, the master that they watch, and its database', () => {
    expect(parseRedisUrl('redis+sentinel://user:word@one:1,two,[::1]:3/main/2')).toEqual({
      kind: 'sentinel',
      hosts: [
        { host: 'one', port: 1 },
        { host: 'two', port: 26379 },
        { host: '::1', port: 3 },
      ],
      masterName: 'main',
      username: 'user',
      password: 'word',
      db: 2,
      isTls: false,
    });
    expect(parseRedisUrl('rediss+sentinel://one/main')).toMatchObject({ db: 0, isTls: true });
  });

  it('reads the nodes of a Cluster', () => {
    expect(parseRedisUrl('rediss+cluster://:word@one,two:7000')).toEqual({
      kind: 'cluster',
      hosts: [
        { host: 'one', port: 6379 },
        { host: 'two', port: 7000 },
      ],
      password: 'word',
      isTls: true,
    });
    expect(parseRedisUrl('redis+cluster://one/0')).toMatchObject({ kind: 'cluster', isTls: false });
  });

  it('fills in what is missing', () => {
    const plain = { kind: 'standalone', host: 'redis', port: 6379, db: 0, isTls: false };
    expect(parseRedisUrl('redis://redis')).toEqual(plain);
    expect(parseRedisUrl('redis://redis/')).toEqual(plain);
  });

  it('reads a password without a user, and one with what separates parts elsewhere', () => {
    expect(parseRedisUrl('redis://:secret@redis')).toMatchObject({ password: 'secret' });
    expect(parseRedisUrl('redis://:secret@redis').username).toBeUndefined();
    expect(parseRedisUrl('redis://me:a:b@c,d@redis')).toMatchObject({ host: 'redis', password: 'a:b@c,d' });
  });

  it('lets no query parameter change how commands are executed', () => {
    const endpoint = parseRedisUrl('redis://redis?maxRetriesPerRequest=20&enableOfflineQueue=true');
    expect(endpoint).toEqual(parseRedisUrl('redis://redis'));
  });

  it.each([
    'http://x:hidden@redis',
    'redis://',
    'redis',
    'hidden',
    'redis://:hidden@',
    'redis://:hidden@redis/x',
    'redis://:hidden@redis/1/2',
    'redis://:hidden%zz@redis',
    'redis://:hidden@redis:0',
    'redis://:hidden@redis:65536',
    'redis://:hidden@redis:hidden',
    'redis://:hidden@one,two',
    'redis://:hidden@one two',
    'redis://:hid\nden@one',
    'redis://:hidden@[1::2::3]',
    'redis://:hidden@one#hidden',
    'redis+sentinel://:hidden@one',
    'redis+sentinel://:hidden@one/',
    'redis+sentinel://:hidden@one/na%20me',
    'redis+sentinel://:hidden@one/name/x',
    'redis+sentinel://:hidden@one/name/1/2',
    'redis+sentinel://:hidden@one,/name',
    'redis+cluster://:hidden@one/1',
    'redis+cluster://:hidden@,',
    'redis+other://:hidden@one',
    'REDIS://:hidden@one',
  ])('refuses %j without repeating it', (url) => {
    expect(messageOf(url)).toMatch(/Redis URL/);
    expect(messageOf(url)).not.toMatch(/hid/);
  });

  it('refuses a very long text as quickly', () => {
    expect(messageOf(`redis://${':@'.repeat(200_000)}`)).toMatch(/Redis URL/);
    expect(messageOf(`redis+sentinel://${'a,'.repeat(200_000)}/`)).toMatch(/Redis URL/);
  });
});

describe('describeEndpoint', () => {
  it.each([
    ['redis://user:secret@redis:1234/1', 'redis:1234'],
    ['redis://[::1]:1234', '[::1]:1234'],
    ['redis+sentinel://user:secret@one,two:2/main', 'main of the Sentinels at one:26379, two:2'],
    ['redis+cluster://user:secret@one,[::1]:2', 'Cluster at one:6379, [::1]:2'],
  ])('shows of %s only where it is', (url, text) => {
    expect(describeEndpoint(parseRedisUrl(url))).toBe(text);
  });
});
