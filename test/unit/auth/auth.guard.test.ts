import { SampleApp } from './auth.app.js';
import type { Call } from './auth.app.js';
import { FakeClock, KeptLog, keysText, TemporaryDirectory } from './auth.support.js';

const directory = new TemporaryDirectory();
const keysFile = directory.write(
  'keys.json',
  keysText({
    'producer-key': { id: 'p1', roles: ['producer'], queues: ['a'] },
    'worker-key': { id: 'w1', roles: ['worker'] },
    'viewer-key': { id: 'v1', roles: ['viewer'] },
    'second-admin-key': { id: 'a1', roles: ['admin'] },
    'future-key': { id: 'f1', not_before: '2030-01-01T01:00:00Z' },
    'passing-key': { id: 'x1', expires: '2030-01-01T01:00:00Z' },
  }),
);
const ROUTES = ['/silent', '/producer', '/worker', '/viewer', '/admin', '/lease'];
/** Both look like lease ids; only the first form has a proof. */
const MADE_UP = [`0-${'A'.repeat(40)}`, '0-AAAAAAAAAAAAAAAAAAAAAAAA', 'lease-id_0123456789'];

let clock: FakeClock;
let log: KeptLog;
let app: SampleApp;

async function start(env: NodeJS.ProcessEnv): Promise<void> {
  clock = new FakeClock();
  log = new KeptLog();
  app = await SampleApp.start({ HOST: '127.0.0.1', ...env }, clock, log);
}

async function statusOf(path: string, call: Call = {}): Promise<number> {
  const method = path === '/producer' || path === '/lease' ? 'POST' : 'GET';
  const { status } = await app.call(path, { method, ...call });
  return status === 201 ? 200 : status;
}

function withKey(key: string): Call {
  return { headers: { 'X-API-Key': key } };
}

async function statusesOf(call: Call): Promise<Readonly<Record<string, number>>> {
  const statuses = await Promise.all(ROUTES.map((path) => statusOf(path, call)));
  return Object.fromEntries(ROUTES.map((path, index) => [path, statuses[index] ?? 0]));
}

afterEach(() => app.stop());
afterAll(() => directory.remove());

describe('AuthGuard with keys', () => {
  beforeEach(() => start({ API_KEY: 'admin-key', API_KEYS_FILE: keysFile, API_KEYS_RELOAD_SECONDS: '3600' }));

  it.each([
    ['producer-key', ['/producer', '/viewer']],
    ['worker-key', ['/worker', '/lease']],
    ['viewer-key', ['/viewer']],
    ['admin-key', ROUTES],
    ['second-admin-key', ROUTES],
  ])('lets the %s in at %j, and at no other route', async (key, allowed) => {
    const wanted = ROUTES.map((path) => [path, allowed.includes(path) ? 200 : 403]);
    expect(await statusesOf(withKey(key))).toEqual(Object.fromEntries(wanted));
  });

  it('lets nobody in without a key, except on a public route', async () => {
    expect(await statusesOf({})).toEqual(Object.fromEntries(ROUTES.map((path) => [path, 401])));
    expect(await statusOf('/public')).toBe(200);
    expect(await statusOf('/public', withKey('wrong'))).toBe(200);
  });

  it('hands the principal to the handler', async () => {
    const { body } = await app.call('/producer', { method: 'POST', ...withKey('producer-key') });
    expect(body).toEqual({ keyId: 'p1', roles: ['producer'], queues: ['a'] });
  });

  it('says how to get in and which role is missing', async () => {
    const refused = await app.call('/worker');
    expect(refused.headers['www-authenticate']).toBe('Bearer');
    expect(refused.body).toMatchObject({
      code: 'unauthorized',
      detail: expect.stringContaining('X-API-Key'),
    });
    const forbidden = await app.call('/worker', withKey('viewer-key'));
    const detail = 'The API key v1 has the role viewer; this takes worker or admin';
    expect(forbidden.body).toEqual({ code: 'forbidden', detail });
  });

  it.each<[string, Call['headers']]>([
    ['a prefix', { 'X-API-Key': 'admin-ke' }],
    ['a longer one', { 'X-API-Key': 'admin-key1' }],
    ['an empty one', { 'X-API-Key': '' }],
    ['the text undefined', { 'X-API-Key': 'undefined' }],
    ['a list', { 'X-API-Key': 'bad, admin-key' }],
    ['the same one listed twice', { 'X-API-Key': 'admin-key,admin-key' }],
    ['a repeated header', { 'X-API-Key': ['admin-key', 'admin-key'] }],
    ['a repeated Authorization', { Authorization: ['Bearer admin-key', 'Bearer admin-key'] }],
    ['Basic', { Authorization: 'Basic YWRtaW46YWRtaW4=' }],
    ['Basic with the key', { Authorization: 'Basic admin-key' }],
    ['no scheme', { Authorization: 'admin-key' }],
    ['Bearer alone', { Authorization: 'Bearer' }],
    ['Bearer with a list', { Authorization: 'Bearer bad, admin-key' }],
    ['two that differ', { 'X-API-Key': 'admin-key', Authorization: 'Bearer worker-key' }],
    ['a right and a wrong one', { 'X-API-Key': 'admin-key', Authorization: 'Bearer wrong' }],
    ['a wrong and a right one', { 'X-API-Key': 'wrong', Authorization: 'Bearer admin-key' }],
    ['a cookie', { Cookie: 'X-API-Key=admin-key; api_key=admin-key' }],
    [
      'other headers',
      { 'Api-Key': 'admin-key', 'X-Forwarded-Api-Key': 'admin-key', 'Proxy-Authorization': 'x' },
    ],
  ])('answers 401 to %s', async (_, headers) => {
    expect(await statusOf('/silent', { headers })).toBe(401);
  });

  it.each<[string, Call['headers']]>([
    ['X-API-Key', { 'X-API-Key': 'admin-key' }],
    ['any case of it', { 'x-aPI-kEY': 'admin-key' }],
    ['Bearer', { Authorization: 'Bearer admin-key' }],
    ['bearer', { authorization: 'bearer  admin-key' }],
    ['both with the same key', { 'X-API-Key': 'admin-key', Authorization: 'Bearer admin-key' }],
    ['a proxy that uses Basic', { 'X-API-Key': 'admin-key', Authorization: 'Basic YWRtaW46YWRtaW4=' }],
  ])('takes the key from %s', async (_, headers) => {
    expect(await statusOf('/silent', { headers })).toBe(200);
  });

  it('does not take a key from the address', async () => {
    expect(await statusOf('/silent?api_key=admin-key&x-api-key=admin-key&access_token=admin-key')).toBe(401);
  });

  it('answers before the body has come', async () => {
    const call = { method: 'POST', withholdsBody: true };
    expect((await app.call('/producer', call)).status).toBe(401);
    expect((await app.call('/producer', { ...call, ...withKey('worker-key') })).status).toBe(403);
  });

  it('goes by the clock for keys that begin and end', async () => {
    expect(await statusOf('/worker', withKey('future-key'))).toBe(401);
    clock.advance(3_599_999);
    expect(await statusOf('/worker', withKey('passing-key'))).toBe(200);
    clock.advance(1);
    expect(await statusOf('/worker', withKey('passing-key'))).toBe(401);
    expect(await statusOf('/worker', withKey('future-key'))).toBe(200);
    expect(log.lines.at(-1)).toMatch(/^warn: Refused 127\.0\.0\.1 with the key x1: /);
  });

  it('logs who was refused and never a key', async () => {
    await statusOf('/silent', withKey('hidden-wrong-key'));
    await statusOf('/silent', withKey('worker-key'));
    await statusOf('/lease', { headers: { 'X-Lease-Id': 'hidden!' } });
    const text = log.lines.join('\n');
    expect(text).toContain('Refused 127.0.0.1: The API key is not valid');
    expect(text).toContain('Forbidden: the key w1 from 127.0.0.1 lacks permission');
    expect(text).not.toMatch(/hidden|-key/);
  });
});

describe('AuthGuard with a lease and no key', () => {
  beforeEach(() => start({ API_KEY: 'admin-key', API_KEYS_FILE: keysFile, API_KEYS_RELOAD_SECONDS: '3600' }));

  it('lets it in where a lease is taken, and nowhere else', async () => {
    const lease = app.lease();
    const wanted = ROUTES.map((path) => [path, path === '/lease' ? 200 : 401]);
    expect(await statusesOf({ headers: { 'X-Lease-Id': lease } })).toEqual(Object.fromEntries(wanted));
  });

  it('hands on the lease as all that the caller has', async () => {
    const leaseId = app.lease();
    const { body } = await app.call('/lease', { method: 'POST', headers: { 'X-Lease-Id': leaseId } });
    expect(body).toEqual({ keyId: 'lease', roles: [], queues: ['*'], leaseId });
  });

  it.each([...MADE_UP, 'short', 'x'.repeat(129), 'lease id', ''])('answers 401 to %j', async (id) => {
    expect(await statusOf('/lease', { headers: { 'X-Lease-Id': id } })).toBe(401);
  });

  it('answers 401 to two at once, and to one that was changed anywhere', async () => {
    const id = app.lease();
    expect(await statusOf('/lease', { headers: { 'X-Lease-Id': [id, app.lease()] } })).toBe(401);
    for (let at = 0; at < id.length; at += 1) {
      const changed = `${id.slice(0, at)}${id[at] === 'a' ? 'b' : 'a'}${id.slice(at + 1)}`;
      expect([at, await statusOf('/lease', { headers: { 'X-Lease-Id': changed } })]).toEqual([
        at,
        at < 60 ? 401 : 429,
      ]);
    }
  });

  it('refuses a made-up lease before any of the body has come, within the limit of wrong keys', async () => {
    const call = { headers: { 'X-Lease-Id': MADE_UP[0] ?? '' }, withholdsBody: true };
    for (let time = 0; time < 60; time += 1) expect(await statusOf('/lease', call)).toBe(401);
    expect(await statusOf('/lease', call)).toBe(429);
    expect(await statusOf('/lease', withKey('worker-key'))).toBe(200);
    expect(await statusOf('/lease', { headers: { 'X-Lease-Id': app.lease() } })).toBe(200);
  });

  it('does not let a lease make up for a wrong key or a missing role', async () => {
    const lease = { 'X-Lease-Id': app.lease() };
    expect(await statusOf('/lease', { headers: { ...lease, 'X-API-Key': 'wrong' } })).toBe(401);
    expect(await statusOf('/lease', { headers: { ...lease, 'X-API-Key': 'viewer-key' } })).toBe(403);
  });

  it('keeps the lease beside a key, so that the key does not get around the fence', async () => {
    const headers = { 'X-Lease-Id': 'lease-id_0123456789', 'X-API-Key': 'worker-key' };
    const { body } = await app.call('/lease', { method: 'POST', headers });
    expect(body).toEqual({ keyId: 'w1', roles: ['worker'], queues: ['*'], leaseId: headers['X-Lease-Id'] });
    expect((await app.call('/worker', { headers })).body).not.toHaveProperty('leaseId');
  });
});

describe('AuthGuard under attack', () => {
  beforeEach(() => start({ API_KEY: 'admin-key' }));

  async function guess(times: number, from = '127.0.0.1'): Promise<readonly number[]> {
    const statuses: number[] = [];
    for (let time = 0; time < times; time += 1) {
      statuses.push(await statusOf('/silent', { ...withKey(`guess-${time}`), from }));
    }
    return statuses;
  }

  it('answers 401 to 60 wrong keys within a minute and 429 to the next', async () => {
    const statuses = await guess(62);
    expect(statuses.filter((status) => status === 401)).toHaveLength(60);
    expect(statuses.slice(60)).toEqual([429, 429]);
    const { headers, body } = await app.call('/silent');
    expect(headers['retry-after']).toBe('60');
    expect(body).toMatchObject({ code: 'rate_limited' });
  });

  it('still lets a valid key in from there, and a public route, and a neighbour fail', async () => {
    await guess(61);
    expect(await statusOf('/silent', withKey('admin-key'))).toBe(200);
    expect(await statusOf('/public')).toBe(200);
    expect(await guess(1, '127.0.0.2')).toEqual([401]);
  });

  it('does not believe what a header says of the address', async () => {
    await guess(60);
    const headers = { 'X-API-Key': 'guess', 'X-Forwarded-For': '10.0.0.1', Forwarded: 'for=10.0.0.1' };
    expect(await statusOf('/silent', { headers })).toBe(429);
  });

  it('answers 401 again when the minute is over', async () => {
    await guess(61);
    clock.advance(60_000);
    expect(await guess(1)).toEqual([401]);
  });

  it('does not count calls without any key, which guess nothing', async () => {
    const statuses = await Promise.all(Array.from({ length: 200 }, () => statusOf('/silent')));
    expect(new Set(statuses)).toEqual(new Set([401]));
  });

  it('logs a bounded number of lines', async () => {
    const before = log.lines.length;
    await guess(100);
    expect(log.lines.length - before).toBe(20);
  });
});

describe('AuthGuard before a page of another site', () => {
  beforeEach(() => start({ API_KEY: 'admin-key' }));

  const CHANGING = [
    ['GET', '/changing'],
    ['POST', '/producer'],
    ['POST', '/public'],
    ['POST', '/lease'],
  ] as const;

  async function statuses(headers: Readonly<Record<string, string>>): Promise<readonly number[]> {
    const answers = CHANGING.map(([method, path]) =>
      app.call(path, { method, headers: { 'X-API-Key': 'admin-key', ...headers } }),
    );
    return (await Promise.all(answers)).map(({ status }) => Math.floor(status / 100));
  }

  it.each<Readonly<Record<string, string>>>([
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
    { 'Sec-Fetch-Site': 'anything' },
    { 'Sec-Fetch-Site': 'cross-site', Origin: 'http://queue.example', Host: 'queue.example' },
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
    { Origin: 'http://queue.example:81', Host: 'queue.example' },
    { Origin: 'http://queue.example.evil.example', Host: 'queue.example' },
    { Referer: 'https://evil.example/page' },
    { Referer: 'http://queue.example:81/docs', Host: 'queue.example' },
    { Referer: 'http://queue.example@evil.example/', Host: 'queue.example' },
    { Referer: 'about:blank' },
    { Referer: 'http://queue.example/', Origin: 'https://evil.example', Host: 'queue.example' },
  ])('refuses what changes something with %j', async (headers) => {
    expect(await statuses(headers)).toEqual([4, 4, 4, 4]);
    expect(await statusOf('/silent', { headers: { 'X-API-Key': 'admin-key', ...headers } })).toBe(200);
    const { body } = await app.call('/producer', {
      method: 'POST',
      headers: { 'X-API-Key': 'admin-key', ...headers },
    });
    expect(body).toMatchObject({ code: 'forbidden' });
  });

  it.each<Readonly<Record<string, string>>>([
    {},
    { 'Sec-Fetch-Site': 'same-origin' },
    { 'Sec-Fetch-Site': 'same-origin', Origin: 'https://behind-a-proxy.example' },
    { 'Sec-Fetch-Site': 'none' },
    { Origin: 'http://queue.example', Host: 'queue.example' },
    { Origin: 'https://queue.example', Host: 'queue.example' },
    { 'Sec-Fetch-Mode': 'cors' },
    { Referer: 'http://queue.example/docs?of=it', Host: 'queue.example' },
    { Referer: 'https://evil.example/a-link', 'Sec-Fetch-Site': 'none' },
    { Referer: 'a program' },
  ])('lets a program and a page of its own in with %j', async (headers) => {
    expect(await statuses(headers)).toEqual([2, 2, 2, 2]);
  });
});

describe('AuthGuard without any key configured', () => {
  beforeEach(() => start({ PORT: '8099' }));

  it('lets everybody do everything, whatever key they send', async () => {
    const all = Object.fromEntries(ROUTES.map((path) => [path, 200]));
    expect(await statusesOf({})).toEqual(all);
    expect(await statusesOf(withKey('some-key'))).toEqual(all);
  });

  it('warned of it once, at the start, with the address', () => {
    expect(log.of('warn')).toEqual([
      expect.stringContaining('the service accepts all callers on 127.0.0.1:8099'),
    ]);
  });

  it('warned of names that any page can take, too', () => {
    expect(log.of('warn')).toEqual([expect.stringContaining('Set ALLOWED_HOSTS as well')]);
  });

  it('holds a caller to the lease that it shows', async () => {
    const headers = { 'X-Lease-Id': app.lease() };
    const { body } = await app.call('/lease', { method: 'POST', headers });
    expect(body).toMatchObject({ keyId: 'lease', leaseId: headers['X-Lease-Id'] });
    expect(await statusOf('/silent', { headers })).toBe(200);
    expect(await statusOf('/lease', { headers: { 'X-Lease-Id': MADE_UP[0] ?? '' } })).toBe(401);
  });
});

describe('AuthModule', () => {
  it('does not start with a file of keys that cannot be used', async () => {
    await start({});
    const broken = SampleApp.start({ API_KEYS_FILE: directory.file('none.json') }, clock, log);
    await expect(broken).rejects.toThrow(/API_KEYS_FILE: .*none\.json cannot be read: ENOENT/);
  });
});
