import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { jest } from '@jest/globals';
import {
  AttemptFailed,
  Client,
  ConnectionFailed,
  GiveBack,
  type Handler,
  InvalidRequest,
  LateHeartbeat,
  NoHeartbeatThread,
  PermanentError,
  RetryLater,
  type RunSummary,
  UnexpectedAnswer,
  Worker,
  type WorkerOptions,
} from '../../../src/client/index.js';
import { type ScriptedAnswer, ScriptedService } from '../../support/scripted-service.js';

/** What servers and proxies have been seen to answer instead. */
const BAD: Readonly<Record<string, ScriptedAnswer>> = {
  'an empty 200': [200, ''],
  'a 204': [204, ''],
  'a redirect': [302, '', { Location: 'http://127.0.0.1:9/' }],
  'a page': [200, '<html>Sign in to the network'],
  'another document': [200, { errors: 5 }],
  'an array': [200, []],
  null: [200, 'null'],
  'half a document': [200, '{"eval_id": "a", "stat'],
  'an answer about another task': [200, { eval_id: 'b', status: 'completed' }],
  'a page with an error': [404, '<html>404 Not Found'],
  'an error that is no problem': [400, { errors: 5 }],
  'a problem with strange members': [503, { code: 'store_unavailable', errors: 5, detail: ['x'] }],
  'a problem with a strange code': [500, { code: 7 }],
  'a refused key': [401, { code: 'unauthorized', status: 401 }],
  'a missing role': [403, { code: 'forbidden', status: 403 }],
  'an address that is gone': [404, { code: 'not_found', status: 404 }],
  'a negative Retry-After': [503, { code: 'draining' }, { 'Retry-After': '-5' }],
  'a Retry-After that is a date': [
    503,
    { code: 'draining' },
    { 'Retry-After': 'Mon, 30 Nov 2026 12:00:00 GMT' },
  ],
  'a bad gateway': [502, 'bad gateway'],
  'an interval of 0': [200, { results: [{ index: 0, eval_id: 'a', heartbeat_interval: 0 }], tasks: [{}] }],
  'an interval that would make a flood': [
    200,
    { results: [{ index: 0, eval_id: 'a', heartbeat_interval: 1e-9 }], tasks: [{}] },
  ],
};
/** Few bytes on the wire, and many when they are unpacked. */
const BOMB = gzipSync(`[${' '.repeat(1_000_000)}]`);

const DONE: ScriptedAnswer = [200, { eval_id: 'a', status: 'completed' }];
const FAILED: ScriptedAnswer = [200, { eval_id: 'a', status: 'failed' }];
const KEPT: ScriptedAnswer = [200, { results: [{ index: 0, eval_id: 'a', heartbeat_interval: 20 }] }];

function task(name: string, more: object = {}): object {
  return {
    eval_id: name,
    lease_id: name,
    timeout: 30,
    heartbeat_interval: 20,
    code: 'x',
    metadata: null,
    ...more,
  };
}

/** Writes until its reader hangs up. */
function flood(response: ServerResponse): void {
  const more = (): void => {
    while (!response.destroyed && response.write(' '.repeat(1000)));
  };
  response.on('drain', more);
  more();
}

let service: ScriptedService;

beforeEach(async () => {
  service = await ScriptedService.start();
});

afterEach(() => service.stop());

function runOne(handler: Handler = () => undefined, options: WorkerOptions = {}): Promise<RunSummary> {
  return new Worker({ url: service.url }, handler, { heartbeatThread: false, ...options }).run({
    maxTasks: 1,
  });
}

function claimed(...tasks: object[]): ScriptedAnswer {
  return [200, { tasks }];
}

describe.each(Object.entries(BAD))('a worker that is answered with %s', (_, bad) => {
  it('reports again', async () => {
    service.answers = [claimed(task('a')), bad, DONE];
    expect(await runOne()).toMatchObject({ completed: 1, lost: 0 });
    expect(service.calls).toEqual(['POST /tasks/claim', 'POST /tasks/a/complete', 'POST /tasks/a/complete']);
  });

  it('claims again under the same claim_id, and asks how long its lease is', async () => {
    service.answers = [bad, claimed(task('a')), KEPT, DONE];
    expect(await runOne()).toMatchObject({ completed: 1 });
    expect(service.asked[0]?.body.claim_id).toBe(service.asked[1]?.body.claim_id);
  });
});

it.each<[string, object]>([
  ['an interval of 0', { heartbeat_interval: 0 }],
  ['a negative interval', { heartbeat_interval: -1 }],
  ['an interval that would make a flood', { heartbeat_interval: 0.001 }],
  ['an interval without an end', { heartbeat_interval: 1e308 }],
  ['an interval that is text', { heartbeat_interval: '20' }],
  ['an interval that is none', { heartbeat_interval: null }],
  ['a timeout of 0', { timeout: 0 }],
  ['a negative timeout', { timeout: -5 }],
  ['code that is no text', { code: 5 }],
])('a worker takes no claim that has %s', async (_, members) => {
  service.answers = [claimed(task('a', members)), claimed(task('a')), KEPT, DONE];
  expect(await runOne()).toMatchObject({ completed: 1 });
  expect(service.asked[0]?.body.claim_id).toBe(service.asked[1]?.body.claim_id);
});

it('a worker sends the next heartbeat whatever the last was answered', async () => {
  // All at once: each waits for the interval of a lease that a stall of a second or two does not end.
  const endings = Object.values(BAD).map(async (bad) => {
    const own = await ScriptedService.start();
    own.answers = [claimed(task('a', { heartbeat_interval: 3 })), bad, KEPT, DONE];
    const beats = (): number => own.calls.filter((call) => call.endsWith('/heartbeat')).length;
    const untilKept: Handler = async (_task, { signal }) => {
      while (!signal.aborted && beats() < 2) await setTimeout(20);
    };
    const summary = await new Worker({ url: own.url }, untilKept).run({ maxTasks: 1 });
    await own.stop();
    return summary.completed;
  });
  expect(await Promise.all(endings)).toEqual(Object.values(BAD).map(() => 1));
});

describe('a worker', () => {
  it('starts nothing twice when an answer comes twice', async () => {
    service.answers = [
      claimed(task('a')),
      DONE,
      claimed(task('a')),
      claimed(task('b')),
      [200, { eval_id: 'b', status: 'completed' }],
    ];
    const done: string[] = [];
    const worker = new Worker({ url: service.url }, ({ eval_id: id }) => void done.push(id));
    await worker.run({ maxTasks: 2 });
    expect(done).toEqual(['a', 'b']);
  });

  it('gives metadata as the text that the producer sent, too', async () => {
    const metadata = '{"n": 9007199254740993, "one": 1.0, "beyond": 1e400}';
    service.answers = [
      [200, `{"tasks": [${JSON.stringify(task('a', { metadata: 0 })).replace('0}', `${metadata}}`)}]}`],
      DONE,
    ];
    const texts: (string | null)[] = [];
    await runOne((given) => void texts.push(given.metadata_text));
    expect(texts).toEqual([metadata]);
  });

  const deep = (): unknown => {
    let value: unknown = 0;
    for (let depth = 0; depth < 20_000; depth += 1) value = [value];
    return value;
  };
  const throwing = {
    toJSON: () => {
      throw Object.create(null);
    },
  };
  it.each<[string, () => unknown]>([
    ['20,000 levels', deep],
    ['a toJSON that throws', () => throwing],
    ['a bigint', () => 1n],
    ['a function', () => () => 0],
  ])('fails a task for good whose output is %s', async (_, output) => {
    service.answers = [claimed(task('a')), FAILED];
    expect(await runOne(output)).toMatchObject({ failed: 1 });
    expect(service.asked[1]).toMatchObject({
      call: 'POST /tasks/a/fail',
      body: { retryable: false, error: expect.stringContaining('The output cannot be sent') as unknown },
    });
  });

  it.each<[string, () => unknown, object]>([
    ['RetryLater(-1)', () => new RetryLater(-1), { retry_after: 0 }],
    ['RetryLater(Infinity)', () => new RetryLater(Infinity), { retry_after: 31_622_400 }],
    ['a string for an exit code', () => new AttemptFailed('no', 'seven' as unknown as number), {}],
    [
      'Object.create(null)',
      () => Object.create(null) as unknown,
      { error: expect.stringContaining('no text') as unknown },
    ],
    ['nothing', () => undefined, { error: 'undefined' }],
    ['an error of three megabytes', () => new PermanentError('x'.repeat(3_000_000)), { retryable: false }],
    ['half a surrogate pair', () => new AttemptFailed('\ud800'), { error: '\ud800' }],
  ])('reports a handler that throws %s', async (_, thrown, body) => {
    service.answers = [claimed(task('a')), FAILED];
    const handler: Handler = () => {
      throw thrown();
    };
    expect(await runOne(handler)).toMatchObject({ failed: 1 });
    expect(service.asked[1]?.body).toMatchObject(body);
    expect(String(service.asked[1]?.body.error).length).toBeLessThan(260_000);
  });

  it.each<[unknown, number | undefined]>([
    [-1, 0],
    [Infinity, 31_622_400],
    [Number.NaN, undefined],
    ['soon', undefined],
  ])('gives a task back whose handler asks for a delay of %p', async (delay, sent) => {
    service.answers = [claimed(task('a')), [200, { eval_id: 'a', status: 'queued' }]];
    const handler: Handler = () => {
      throw new GiveBack('full', delay as number);
    };
    expect(await runOne(handler)).toMatchObject({ released: 1 });
    expect(service.asked[1]?.body).toEqual({ lease_id: 'a', reason: 'full', delay: sent });
  });

  it('says why when its report is refused', async () => {
    const refusal: ScriptedAnswer = [422, { code: 'invalid_request', status: 422, detail: 'Not like this.' }];
    service.answers = [claimed(task('a')), refusal, FAILED];
    const handler: Handler = () => {
      throw new RetryLater(1, 'busy');
    };
    expect(await runOne(handler)).toMatchObject({ failed: 1 });
    expect(service.asked[2]?.body).toEqual({
      lease_id: 'a',
      error: 'The failure cannot be sent as it was: Not like this.',
    });
  });

  it('ends with a claim that can never be taken', async () => {
    service.answers = [[422, { code: 'invalid_request', status: 422 }]];
    await expect(runOne()).rejects.toBeInstanceOf(InvalidRequest);
  });

  it('goes on when its listener throws', async () => {
    service.answers = [claimed(task('a')), DONE];
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const onEvent = (): never => {
      throw new Error('a fault of the listener');
    };
    expect(await runOne(undefined, { onEvent })).toMatchObject({ completed: 1 });
    expect(warn).toHaveBeenCalledWith('onEvent threw: a fault of the listener', 'WorkerListenerWarning');
    warn.mockRestore();
  });

  it('says loudly that its heartbeats have no thread of their own, and goes on', async () => {
    service.answers = [claimed(task('a')), DONE];
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const errors: unknown[] = [];
    const client = { url: service.url, fetch: (...given: Parameters<typeof fetch>) => fetch(...given) };
    const worker = new Worker(client, () => undefined, { onEvent: ({ error }) => void errors.push(error) });
    expect(await worker.run({ maxTasks: 1 })).toMatchObject({ completed: 1 });
    expect(errors).toContainEqual(expect.any(NoHeartbeatThread));
    expect(warn.mock.calls).toEqual([
      [expect.stringContaining('uses a custom fetch'), 'WorkerHeartbeatWarning'],
    ]);
    warn.mockRestore();
  });

  it('measures a lease from before its claim, and says that heartbeats are late', async () => {
    service.answers = [claimed(task('a', { heartbeat_interval: 0.2 })), KEPT, DONE];
    const errors: unknown[] = [];
    const handler: Handler = () => {
      const end = performance.now() + 1000;
      while (performance.now() < end);
    };
    await runOne(
      async (given, context) => {
        await setTimeout(0);
        await (handler(given, context) as Promise<void>);
        await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
      },
      { onEvent: ({ error }) => void errors.push(error) },
    );
    expect(errors).toContainEqual(expect.any(LateHeartbeat));
    expect(service.calls.filter((call) => call.endsWith('/complete'))).toEqual([]);
  });

  it.each([0, 1.5, -1, Number.NaN])('refuses a concurrency of %d', (concurrency) => {
    expect(() => new Worker({ url: service.url }, () => undefined, { concurrency })).toThrow(TypeError);
  });

  it.each([{ grace: 0 }, { grace: Number.POSITIVE_INFINITY }, {}])('stops twice with %j', async (options) => {
    // The claim is broken off, and asked for again so that what it took goes back.
    service.answers = [claimed(task('a')), claimed(), DONE];
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const worker = new Worker({ url: service.url }, () => finished);
    const run = worker.run();
    while (!service.calls.includes('POST /tasks/claim'))
      await new Promise((resolve) => setImmediate(resolve));
    const stops = [
      worker.stop({ grace: Number.POSITIVE_INFINITY }),
      worker.stop({ grace: Number.POSITIVE_INFINITY }),
    ];
    finish();
    await Promise.all([...stops, worker.stop({ ...options })]);
    await run;
  });
});

describe('a client', () => {
  it('does not take a page for the answer that a task is unknown', async () => {
    service.answers = [[404, '<html>404 Not Found']];
    await expect(new Client({ url: service.url, patience: 0 }).get('a')).rejects.toThrow(UnexpectedAnswer);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['announces it', (response) => response.writeHead(200, { 'Content-Length': 5000 }).write('[')],
    ['announces nothing', (response) => flood(response.writeHead(200))],
    ['says that it refuses', (response) => flood(response.writeHead(400))],
    ['packs it', (response) => response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(BOMB)],
  ])('reads no more of an answer than it was told to when the server %s', async (_, answer) => {
    const server = createServer((_request, response) => answer(response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = new Client({ url: `http://127.0.0.1:${port}`, patience: 0, longestAnswer: 4000 });
    try {
      await expect(client.health()).rejects.toThrow('more than 4000 bytes');
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it('reads all of an answer that is just as long as it may be', async () => {
    const text = JSON.stringify({ status: 'healthy', more: 'é'.repeat(5000) });
    service.answers = [[200, text]];
    const client = new Client({ url: service.url, patience: 0, longestAnswer: Buffer.byteLength(text) });
    expect(await client.health()).toMatchObject({ more: 'é'.repeat(5000) });
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses %d bytes as the most of an answer', (longestAnswer) => {
    expect(() => new Client({ url: service.url, longestAnswer })).toThrow('longestAnswer');
  });

  it('repeats the opening of a download, and follows a redirect', async () => {
    const Location = `${service.url}/bucket/model?signature=secret`;
    service.answers = [BAD['a bad gateway'], [307, '', { Location }], [200, 'weights']].flatMap((answer) =>
      answer === undefined ? [] : [answer as ScriptedAnswer],
    );
    const response = await new Client({ url: service.url }).artifacts.download('a', 'model');
    expect(await response.text()).toBe('weights');
    const path = 'GET /tasks/a/artifacts/model';
    expect(service.calls).toEqual([path, path, 'GET /bucket/model?signature=secret']);
  });

  it.each([
    ['is not there', 'http://127.0.0.1:9/bucket/model?signature=secret'],
    ['has another protocol', 'ftp://127.0.0.1/bucket/model?signature=secret'],
    ['has no valid address', 'http://[secret'],
  ])('keeps the address of a redirect to itself when the server %s', async (_, Location) => {
    service.answers = [[307, '', { Location }]];
    const client = new Client({ url: service.url, patience: 0 });
    const error: unknown = await client.artifacts.download('a', 'model').catch((why: unknown) => why);
    expect(error).toBeInstanceOf(ConnectionFailed);
    expect(inspect(error, { depth: 9 })).not.toContain('secret');
  });

  it('holds up no call for another that was told to wait for a minute', async () => {
    const stop = new AbortController();
    const client = new Client({ url: service.url, patience: 100 });
    service.answers = [[503, { code: 'draining' }, { 'Retry-After': '60' }]];
    const call = { method: 'GET', path: 'status' } as const;
    let waiting: Promise<unknown> = Promise.resolve();
    await new Promise<void>((resolve) => {
      waiting = client.request({ ...call, signal: stop.signal, onRetry: () => resolve() });
    });
    service.answers = [
      [503, { code: 'draining' }],
      [200, { queued: 1 }],
    ];
    expect(await client.request(call)).toEqual({ queued: 1 });
    stop.abort();
    await expect(waiting).rejects.toThrow();
  }, 120_000);

  it.each([
    { apiKey: 'a-secret-key\n' },
    { apiKey: 'a-secret-k\u00e9y' },
    { url: 'http://queue?key=a-secret-key' },
    { url: 'http://queue/#a-secret-key' },
    { url: 'ftp://a-secret-key' },
    { url: 'http://user:a-secret-key@queue' },
    { url: 'http://user:a-secret-key/x@queue' },
  ])('refuses %j and quotes nothing of it', (options) => {
    const make = (): Client => new Client({ url: service.url, ...options });
    expect(make).toThrow(TypeError);
    expect(make).not.toThrow(/secret/);
  });

  it('reaches an address of IPv6, and knows one without a port', async () => {
    const server = createServer((_request, response) => response.end('{"status":"healthy"}')).listen(
      0,
      '::1',
    );
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await new Client({ url: `http://[::1]:${port}` }).health()).toEqual({ status: 'healthy' });
    server.close();
    server.closeAllConnections();
    const hasNone = new Client({
      url: 'http://[::1]',
      patience: 0,
      fetch: (address) => Promise.reject(new Error((address as URL).href)),
    });
    await expect(hasNone.health()).rejects.toThrow('http://[::1]/health');
  });

  it('shows its key to no log', () => {
    const client = new Client({ url: service.url, apiKey: 'a-secret-key' });
    const worker = new Worker(client, () => undefined, { workerId: 'worker' });
    expect(inspect([client, worker], { depth: 20 })).not.toContain('secret');
  });

  it('refuses a URL with credentials and does not repeat them', () => {
    expect(() => new Client({ url: 'http://user:secret@queue:8081' })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') as unknown }),
    );
    for (const url of ['queue', 'ftp://queue', 'http://queue?key=1', 'http://queue/#x'])
      expect(() => new Client({ url })).toThrow(TypeError);
  });

  it('removes nothing that was not asked for', async () => {
    const client = new Client({ url: service.url });
    const filters = [
      {},
      { queue: undefined },
      { queue: [] },
      { queue: [''] },
      { batch_id: 'b' },
      { all: false },
      { all: true, queue: ['a'] },
    ];
    for (const filter of filters)
      await expect(client.clear(filter as { all: true })).rejects.toThrow(TypeError);
    for (const queue of [undefined, '', ' ', 'a,b', '..'] as unknown[])
      await expect(client.queues.purge(queue as string)).rejects.toThrow(TypeError);
    await expect(client.queues.purge('a', { status: [] })).rejects.toThrow(TypeError);
    await expect(client.remove('')).rejects.toThrow(TypeError);
    expect(service.calls).toEqual([]);
  });

  it('enqueues in parts by size and number', async () => {
    const answer = (body: string): ScriptedAnswer => [
      200,
      { batch_id: body, accepted: 0, rejected: 0, results: [] },
    ];
    service.answers = [
      answer('1'),
      answer('2'),
      answer('3'),
      answer('4'),
      answer('5'),
      answer('6'),
      answer('7'),
    ];
    const code = 'x'.repeat(100_000);
    const client = new Client({ url: service.url });
    const tasks = Array.from({ length: 60 }, () => ({ code }));
    let parts = 0;
    for await (const _ of client.enqueueAll(tasks)) parts += 1;
    expect(parts).toBe(6);
    const sizes = service.asked.map(({ body }) => (body.tasks as unknown[]).length);
    expect(sizes).toEqual([10, 10, 10, 10, 10, 10]);
  });
});
