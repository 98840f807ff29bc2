import { once } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import { gzipSync } from 'node:zlib';
import { HttpLimits } from '../../../src/http/http-limits.js';
import { openSocket, parseAnswer, request, sendRaw } from './raw-client.js';
import { seen, startToy, type ToyApp } from './toy-app.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };

let toy: ToyApp;
beforeAll(async () => {
  toy = await startToy();
});
afterAll(() => toy.app.close());

const post = (body: string | Buffer, headers: Record<string, string> = JSON_TYPE, path = '/tasks') =>
  request(toy.port, { method: 'POST', path, headers, body });
const get = (path: string, headers: Record<string, string> = {}) => request(toy.port, { path, headers });
const raw = async (text: string) => parseAnswer(await sendRaw(toy.port, text));
const task = (members: string) => `{"eval_id":"a1","code":"x"${members}}`;

/** A problem, whole and clean. */
function expectProblem(answer: Awaited<ReturnType<typeof get>>, status: number, code: string) {
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  const problem = JSON.parse(answer.body);
  expect(problem).toMatchObject({ status, code, type: `urn:crucible-queue:problem:${code}` });
  expect(problem.title).toEqual(expect.any(String));
  expect(problem.detail).toEqual(expect.any(String));
  expect(answer.body).not.toMatch(/ at .*\.(js|ts)|node_modules/);
  return problem;
}

describe('the adapter', () => {
  it('makes requests and responses with the prototypes of Express', async () => {
    expect((await post(task(''))).status).toBe(201);
    expect(seen.arePrototypesKept).toBe(true);
    const [request, response] = await new Promise<[object, object]>((resolve) => {
      toy.app.getHttpServer().prependOnceListener('request', (...pair: [object, object]) => resolve(pair));
      void get('/tasks/a');
    });
    const app = toy.app.getHttpAdapter().getInstance();
    expect(Object.getPrototypeOf(request)).toBe(app.request);
    expect(Object.getPrototypeOf(response)).toBe(app.response);
  });

  it('sets the limits of the server', () => {
    expect(toy.app.getHttpServer()).toMatchObject({
      keepAliveTimeout: 75_000,
      headersTimeout: 10_000,
      requestTimeout: 20_000,
      timeout: 90_000,
      maxHeaderSize: 16_384,
      requireHostHeader: true,
      insecureHTTPParser: false,
    });
  });

  it('says little about itself, and what must not be kept', async () => {
    const { headers } = await get('/tasks/a', { Origin: 'https://evil.example' });
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    for (const name of ['x-powered-by', 'etag', 'access-control-allow-origin', 'server']) {
      expect(headers).not.toHaveProperty(name);
    }
  });

  it('takes a harmless request id and replaces any other', async () => {
    expect((await get('/tasks/a', { 'X-Request-Id': 'ab.C-1_' })).headers['x-request-id']).toBe('ab.C-1_');
    for (const id of ['R'.repeat(8_000), 'a b', '<b>', '']) {
      const made = (await get('/tasks/a', { 'X-Request-Id': id })).headers['x-request-id'];
      expect(made).toMatch(/^[0-9a-f]{12}-[0-9a-z]+$/);
    }
  });

  it.each(['If-None-Match', 'If-Modified-Since'])('never answers 304 for %s', async (name) => {
    for (const value of ['*', 'Thu, 01 Jan 2099 00:00:00 GMT', '"x"']) {
      const answer = await get('/tasks/next', { [name]: value, Range: 'bytes=0-0' });
      expect(answer).toMatchObject({ status: 200, body: 'null' });
      expect(await get('/tasks/a', { [name]: value })).toMatchObject({
        status: 200,
        body: '{"eval_id":"a"}',
      });
    }
  });

  it('answers 100 pipelined requests in order', async () => {
    const one = (path: string, close = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${close}\r\n`;
    const text = Array.from({ length: 100 }, (_, index) => one(`/tasks/t${index}`)).join('');
    const answers = await sendRaw(toy.port, text + one('/tasks/last', 'Connection: close\r\n'));
    const ids = [...answers.matchAll(/"eval_id":"(\w+)"/g)].map(([, id]) => id);
    expect(ids).toEqual([...Array.from({ length: 100 }, (_, index) => `t${index}`), 'last']);
  });
});

describe('addresses and methods', () => {
  it.each([
    '/nowhere',
    '/tasks/next/',
    '/TASKS/NEXT',
    '/tasks/./next',
    '/.env',
    '/Tasks',
    '/tasks/a%0d%0aX:1/b',
  ])('answers 404 at %s', async (path) => {
    const { claims } = seen;
    const answer = await get(path);
    expectProblem(answer, 404, 'not_found');
    expect(answer.body).not.toContain(path);
    expect(seen.claims).toBe(claims);
  });

  it.each([
    ['PUT', '/tasks', 'POST'],
    ['TRACE', '/tasks/a', 'DELETE, GET, HEAD'],
    ['PATCH', '/tasks/a', 'DELETE, GET, HEAD'],
    ['POST', '/tasks/next', 'GET'],
    ['HEAD', '/tasks/next', 'GET'],
    ['DELETE', '/big', 'GET, HEAD'],
  ])('answers 405 to %s %s and says what it takes', async (method, path, allow) => {
    const { claims } = seen;
    const answer = await request(toy.port, { method, path });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe(allow);
    if (method !== 'HEAD') expectProblem(answer, 405, 'method_not_allowed');
    expect(seen.claims).toBe(claims);
  });

  it('serves HEAD where GET changes nothing', async () => {
    expect(await request(toy.port, { method: 'HEAD', path: '/tasks/a' })).toMatchObject({
      status: 200,
      body: '',
    });
  });

  it('lists the methods for OPTIONS and nothing else', async () => {
    const answer = await request(toy.port, {
      method: 'OPTIONS',
      path: '/tasks/a',
      headers: { Origin: 'http://e' },
    });
    expect(answer).toMatchObject({ status: 204, body: '' });
    expect(answer.headers.allow).toBe('DELETE, GET, HEAD');
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expectProblem(await request(toy.port, { method: 'OPTIONS', path: '/nowhere' }), 404, 'not_found');
  });

  it.each(['/tasks/%E0%A4%A', '/tasks/%C3%28', '/tasks/%C0%AE'])('answers 400 to %s', async (path) => {
    expectProblem(await get(path), 400, 'malformed_request');
  });

  it('does not take CONNECT for a proxy request', async () => {
    expectProblem(
      await raw('CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n'),
      405,
      'method_not_allowed',
    );
  });

  it.each(['*', 'http://[/x', '//', 'http://evil.example/tasks/a'])(
    'has an answer for the target %s',
    async (path) => {
      expect([200, 400, 404]).toContain((await get(path)).status);
    },
  );
});

describe('bodies', () => {
  it('keeps payloads as they came, drops what is not declared, and applies defaults', async () => {
    const code = '"a\\u0000\\ud800\\n\\"😀"';
    const metadata =
      '{ "__proto__": {"polluted": true}, "constructor": [], "n": 9007199254740993, "f": 1.0, "e": {} }';
    const answer = await post(
      `{"__proto__":{"polluted":true},"eval_id":"a1","code":${code},"metadata":${metadata},"output":[],"x":1,"priority":null}`,
    );
    expect(answer.status).toBe(201);
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', location: '/tasks/a1' });
    expect(answer.body).toBe(
      `{"code":${code},"metadata":${metadata},"output":[],"rest":{"language":"python","priority":1,"timeout":30,"eval_id":"a1"},"isDto":true}`,
    );
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it.each([
    '',
    '{"code":"x"',
    'tru',
    "{'a':1}",
    task(',"timeout":Infinity'),
    task(',"priority":01'),
    task('') + ' x',
    '{',
  ])('answers 400 or 422 to %s without quoting it', async (body) => {
    const answer = await post(body);
    expect([400, 422]).toContain(answer.status);
    if (body.length > 4) expect(answer.body).not.toContain(body);
  });

  it.each(['null', '12345', '[]', '"x"'])('answers 422 to %s', async (body) => {
    expect(expectProblem(await post(body), 422, 'invalid_request').errors).toHaveLength(1);
  });

  it.each([
    ['{}', '/eval_id'],
    [task(',"priority":"1"'), '/priority'],
    [task(',"priority":1001'), '/priority'],
    [task(',"timeout":1e400'), '/timeout'],
    [task(`,"priority":${'9'.repeat(1_000_000)}`), '/priority'],
    [task(',"backoff":{"type":"x"}'), '/backoff/type'],
    [task(',"backoff":[]'), '/backoff'],
    [task(',"labels":["a",1]'), '/labels'],
    ['{"eval_id":["a"],"code":"x"}', '/eval_id'],
    ['{"eval_id":null,"code":"x"}', '/eval_id'],
    ['{"eval_id":"a"}', '/code'],
    ['{"eval_id":"a","code":1}', '/code'],
    ['{"eval_id":"a","code":null}', '/code'],
    ['{"eval_id":"a","code":{"$ne":null}}', '/code'],
    [task(',"metadata":[]'), '/metadata'],
    [task(`,"metadata":{"a":"${'m'.repeat(16_384)}"}`), '/metadata'],
    [`{"eval_id":"a","code":"${'é'.repeat(524_289)}"}`, '/code'],
    [task(',"metadata":' + '{"a":'.repeat(5_000) + '1' + '}'.repeat(5_000)), ''],
    [task(Array.from({ length: 50_000 }, (_, index) => `,"k${index}":0`).join('')), ''],
  ])('answers 422 to bad fields and points at them (%#)', async (body, pointer) => {
    const answer = await post(body);
    const { errors } = expectProblem(answer, 422, 'invalid_request');
    expect(errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
    expect(answer.body.length).toBeLessThan(4_096);
  });

  it('takes one mebibyte of code, and null for an absent member', async () => {
    expect(
      (await post(`{"eval_id":"a","code":"${'\\u00e9'.repeat(100)}${'A'.repeat(1_048_376)}"}`)).status,
    ).toBe(201);
    expect((await post(task(',"metadata":null,"output":null'))).body).toContain(
      '"metadata":null,"output":null',
    );
  });

  it.each([
    ['invalid UTF-8', Buffer.from('7b2261223a22c328fffe227d', 'hex')],
    ['CESU-8', Buffer.from('7b2261223a22eda0bdedb880227d', 'hex')],
    ['UTF-16', Buffer.from('\ufeff{}', 'utf16le')],
    ['a byte order mark', Buffer.from('\ufeff{}')],
  ])('answers 400 to %s', async (_name, body) => {
    expectProblem(await post(body), 400, 'malformed_request');
  });

  it.each([
    {},
    { 'Content-Type': 'application/x-www-form-urlencoded' },
    { 'Content-Type': 'multipart/form-data; boundary=x' },
    { 'Content-Type': 'application/vnd.api+json' },
    { 'Content-Type': 'application/json; charset=utf-7' },
    { 'Content-Type': ';;;application/json,,text/html' },
    { ...JSON_TYPE, 'Content-Encoding': 'gzip' },
    { ...JSON_TYPE, 'Content-Encoding': 'gzip, gzip' },
  ] as Record<string, string>[])('answers 415 to %j', async (headers) => {
    const body = 'Content-Encoding' in headers ? gzipSync(task('')) : task('');
    expectProblem(await post(body, headers), 415, 'unsupported_media_type');
  });

  it.each(['application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"'])(
    'takes %s',
    async (type) => {
      expect((await post(task(''), { 'Content-Type': type, 'Content-Encoding': 'identity' })).status).toBe(
        201,
      );
    },
  );

  it('takes no body at all for an empty object', async () => {
    const answer = await request(toy.port, { method: 'POST', path: '/tasks' });
    expect(expectProblem(answer, 422, 'invalid_request').errors).toEqual(
      expect.arrayContaining([{ pointer: '/code', detail: 'code is required' }]),
    );
  });

  it('answers 413 to a body that is too long, announced or not, while it is still sent', async () => {
    const body = `{"code":"${'A'.repeat(3_000_000)}"}`;
    const announced = await post(body);
    expectProblem(announced, 413, 'too_large');
    expect(announced.headers.connection).toBe('close');
    const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const head =
      'POST /tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
    expectProblem(await raw(head + chunk), 413, 'too_large');
  });

  it('refuses a caller before it reads what he sends', async () => {
    const body = 'x'.repeat(5_000_000);
    expectProblem(await post(body, { ...JSON_TYPE, 'X-API-Key': 'bad' }), 401, 'unauthorized');
    expectProblem(await post(body, { ...JSON_TYPE, 'X-API-Key': 'weak' }), 403, 'forbidden');
  });

  it('asks for the body only when it may come', async () => {
    const head = (length: number, key = 'k') =>
      `POST /tasks HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nContent-Type: application/json\r\n` +
      `Expect: 100-continue\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n`;
    expectProblem(await raw(head(3_000_000)), 413, 'too_large');
    const socket = await openSocket(toy.port, head(task('').length));
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(first.toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write(task(''));
    const [second] = (await once(socket, 'data')) as [Buffer];
    expect(parseAnswer(second.toString()).status).toBe(201);
    expectProblem(await raw(head(10, 'bad')), 401, 'unauthorized');
    expectProblem(await raw(head(10).replace('100-continue', 'x')), 417, 'expectation_failed');
  });

  it('ends quietly when the client hangs up in the middle', async () => {
    const isAborted = new Promise<boolean>((resolve) => {
      toy.app.getHttpServer().once('request', (request: IncomingMessage) => {
        request.once('close', () => resolve(request.readableAborted));
      });
    });
    const head =
      'POST /tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n';
    const requested = once(toy.app.getHttpServer(), 'request');
    const socket = await openSocket(toy.port, `${head}{"a"`);
    await requested;
    socket.destroy();
    expect(await isAborted).toBe(true);
    expect((await post(task(''))).status).toBe(201);
  });
});

describe('batches', () => {
  const batch = (body: string, type = 'application/json') =>
    post(body, { 'Content-Type': type }, '/tasks/batch');

  it('tells good items from bad ones', async () => {
    const deep = '{"a":'.repeat(40) + '1' + '}'.repeat(40);
    const items = [
      task(''),
      '{"eval_id":"b"}',
      '7',
      task(`,"metadata":${deep}`),
      '{"eval_id":"c","code":"\\u00e9"}',
    ];
    const { status, body } = await batch(`{"batch_id":"b1","tasks":[${items.join(' , ')}]}`);
    expect(status).toBe(200);
    const { batch_id, results } = JSON.parse(body);
    expect(batch_id).toBe('b1');
    expect(
      results.map((result: { status?: number; eval_id?: string }) => result.eval_id ?? result.status),
    ).toEqual(['a1', 422, 422, 422, 'c']);
    expect(results[1].errors).toEqual([{ pointer: '/code', detail: 'code is required' }]);
    expect(results[4].code).toBe('"\\u00e9"');
  });

  it('reads lines, and leaves a broken one behind', async () => {
    const { body } = await batch(`${task('')}\r\n\n{"eval_id":\n${task('')}`, 'application/x-ndjson');
    const { results } = JSON.parse(body);
    expect(results.map((result: { status?: number }) => result.status)).toEqual([undefined, 400, undefined]);
  });

  it.each([
    ['{"tasks":[{"eval_id":nul}]}', 400],
    ['{"tasks":[1,]}', 400],
    ['{"tasks":[tru]}', 400],
    ['{}', 422],
    ['[]', 422],
    ['{"tasks":[]}', 422],
    ['{"tasks":{}}', 422],
    ['{"tasks":null}', 422],
    ['{"tasks":[1,2,3,4,5,6]}', 422],
    [`{"tasks":[1],"batch_id":"${'b'.repeat(21)}"}`, 422],
  ])('refuses %s as a whole', async (body, status) => {
    expect((await batch(body)).status).toBe(status);
  });
});

describe('requests that are no requests', () => {
  const HEAD = 'POST /tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
  it.each([
    ['two lengths', `${HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    [
      'length and chunks',
      `${HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /tasks/a HTTP/1.1\r\n\r\n`,
    ],
    ['a signed length', `${HEAD}Content-Length: +2\r\n\r\n{}`],
    ['an endless length', `${HEAD}Content-Length: 99999999999999999999\r\n\r\n{}`],
    ['an unknown coding', `${HEAD}Transfer-Encoding: xchunked\r\n\r\n{}`],
    ['bare line feeds', HEAD.replaceAll('\r\n', '\n') + 'Content-Length: 2\n\n{}'],
    ['an endless chunk', `${HEAD}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n`],
    ['a name with a space', 'GET /tasks/a HTTP/1.1\r\nHost: x\r\nX A: b\r\n\r\n'],
    ['lower case', 'get /tasks/a HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['TLS', '\u0016\u0003\u0001\u0002'],
  ])('answers %s once, with 400', async (_name, text) => {
    const answers = await sendRaw(toy.port, text);
    expect(answers.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    const answer = parseAnswer(answers);
    expect(answer.headers.connection).toBe('close');
    expectProblem(answer, 400, 'malformed_request');
  });

  it('answers 400 without a host', async () => {
    expect((await raw('GET /tasks/a HTTP/1.1\r\n\r\n')).status).toBe(400);
  });

  it('answers 431 to headers beyond the limit, and reads many small ones to the last', async () => {
    expectProblem(await get('/tasks/a', { Cookie: 'a=b;'.repeat(5_000) }), 431, 'headers_too_large');
    expectProblem(await get(`/tasks/${'a'.repeat(20_000)}`), 431, 'headers_too_large');
    const many = Object.fromEntries(Array.from({ length: 2_100 }, (_, index) => [index.toString(36), '']));
    expectProblem(await get('/tasks/a', { ...many, 'X-API-Key': 'bad' }), 401, 'unauthorized');
  });
});

describe('problems', () => {
  it('carries the reason of a lost lease', async () => {
    expect(expectProblem(await get('/faults/lease'), 409, 'lease_lost').reason).toBe('cancelled');
  });

  it('says of a failed write whether it may count, and when to come back', async () => {
    const answer = await get('/faults/store');
    expect(expectProblem(answer, 503, 'store_unavailable').applied).toBe('unknown');
    expect(answer.headers['retry-after']).toBe('1');
    expect(answer.body).not.toContain('secret');
    expect(expectProblem(await get('/faults/draining'), 503, 'draining').applied).toBe(false);
  });

  it('passes headers on and adds those that belong to the status', async () => {
    expect((await get('/faults/rate')).headers['retry-after']).toBe('7');
    expect((await get('/tasks/a', { 'X-API-Key': 'bad' })).headers['www-authenticate']).toContain('Bearer');
  });

  it('keeps a fault of the service to itself', async () => {
    const answer = await get('/faults/unknown');
    expectProblem(answer, 500, 'internal_error');
    expect(answer.body).not.toContain('secret');
  });
});

describe('parked polls', () => {
  /** Resolves when the handlers of `count` requests, sent at once on one connection, have parked. */
  const park = async (count: number) => {
    const parkedBefore = seen.parked.length;
    const text = 'GET /tasks/next?wait=20 HTTP/1.1\r\nHost: x\r\n\r\n';
    const socket = await openSocket(toy.port, text.repeat(count));
    while (seen.parked.length < parkedBefore + count) await new Promise((resolve) => setImmediate(resolve));
    return socket;
  };

  it('learn once that their client hung up, also when they wait behind another', async () => {
    const before = seen.hangUps;
    const socket = await park(2);
    socket.destroy();
    while (seen.hangUps < before + 2) await new Promise((resolve) => setImmediate(resolve));
    await get('/tasks/a');
    expect(seen.hangUps).toBe(before + 2);
  });

  it('are not called back after they were answered', async () => {
    const before = seen.hangUps;
    const socket = await park(1);
    const data = once(socket, 'data');
    seen.parked.at(-1)?.();
    await data;
    socket.destroy();
    await get('/tasks/a');
    expect(seen.hangUps).toBe(before);
  });
});

describe('time-outs', () => {
  const impatient = { headers: 200, request: 300, checkInterval: 50 };
  let hasty: ToyApp;
  /** As hasty with what arrives, and not with what is answered. */
  let parking: ToyApp;
  beforeAll(async () => {
    const limits = new HttpLimits({ maxBodyBytes: 100 });
    hasty = await startToy(limits, { ...impatient, idle: 1_000 });
    parking = await startToy(limits, { ...impatient, idle: 60_000 });
  });
  afterAll(() => Promise.all([hasty.app.close(), parking.app.close()]));

  it('answer 408 to a client that is silent, or stops in its headers or its body', async () => {
    const silent = sendRaw(hasty.port, '');
    const inHeaders = sendRaw(hasty.port, 'GET /tasks/a HTTP/1.1\r\nHost: x\r\nX-A: a');
    const inBody = sendRaw(
      hasty.port,
      'POST /tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"a',
    );
    for (const answer of await Promise.all([silent, inHeaders, inBody])) {
      expectProblem(parseAnswer(answer), 408, 'request_timeout');
    }
  });

  it('leave a parked poll alone that lasts longer than a request may take to arrive', async () => {
    const parkedBefore = seen.parked.length;
    const poll = sendRaw(
      parking.port,
      'GET /tasks/next?wait=9 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    while (seen.parked.length === parkedBefore) await new Promise((resolve) => setImmediate(resolve));
    // The other client is cut off by the same time-outs: as long as it takes, the poll is parked.
    await sendRaw(parking.port, 'GET /tasks/a HTTP/1.1\r\nHost: x\r\nX-A: a');
    await sendRaw(parking.port, 'GET /tasks/a HTTP/1.1\r\nHost: x\r\nX-A: a');
    seen.parked.at(-1)?.();
    expect(parseAnswer(await poll)).toMatchObject({ status: 200, body: 'null' });
  });

  it('leave a request alone that is worked on for longer than a connection may be idle', async () => {
    const brief = await startToy(new HttpLimits(), { idle: 20 });
    const server: Server = brief.app.getHttpServer();
    const parkedBefore = seen.parked.length;
    const answer = sendRaw(
      brief.port,
      'GET /tasks/next?wait=9 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    for (let looks = 0; looks < 3; looks += 1) await once(server, 'timeout');
    expect(seen.parked).toHaveLength(parkedBefore + 1);
    seen.parked.at(-1)?.();
    expect(parseAnswer(await answer)).toMatchObject({ status: 200, body: 'null' });
    await brief.app.close();
  });

  it('end a connection whose client does not read', async () => {
    const server: Server = hasty.app.getHttpServer();
    const connected = once(server, 'connection');
    const socket = await openSocket(hasty.port, 'GET /big HTTP/1.1\r\nHost: x\r\n\r\n');
    socket.pause();
    const [connection] = (await connected) as [NodeJS.EventEmitter];
    await once(connection, 'close');
    socket.destroy();
  });
});
