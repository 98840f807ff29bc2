import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoggerService } from '@nestjs/common';
import { ApiKeys } from '../../src/auth/api-keys.js';
import { Parking } from '../../src/runtime/parking.js';
import { wholeLength } from '../../src/logs/utf8.js';
import { describeStores } from '../support/describe-stores.js';
import type { TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  readonly body: Readonly<Record<string, unknown>>;
}

interface SentEvent {
  readonly id: string | undefined;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A reader of a stream of events, as browsers are. */
class Stream {
  readonly events: SentEvent[] = [];
  isEnded = false;
  status: number | undefined;

  constructor(url: string, headers: Record<string, string> = {}) {
    const sent = request(url, { headers: { Accept: 'text/event-stream', ...headers }, agent: false });
    sent.on('response', (response) => {
      this.status = response.statusCode;
      let rest = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        const blocks = (rest + chunk).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) this.take(block);
      });
      response.on('close', () => (this.isEnded = true));
    });
    sent.on('error', () => (this.isEnded = true));
    sent.end();
    this.kill = () => sent.destroy();
  }

  readonly kill: () => void;

  get text(): string {
    return this.events.map(({ data }) => (typeof data.text === 'string' ? data.text : '')).join('');
  }

  private take(block: string): void {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
    const data = field('data');
    if (data !== undefined)
      this.events.push({
        id: field('id'),
        type: field('event') ?? '',
        data: JSON.parse(data) as Record<string, unknown>,
      });
  }
}

const HOSTILE = Buffer.concat([
  Buffer.from('\u001b[31mrot\u001b[0m é🙂\r\n'),
  Buffer.from([0xff, 0xc3, 0x00, 0x80]),
]);

describeStores(({ startApp }) => {
  describe('the log of a task', () => {
    let service: TestApp;
    let directory: string;
    const lines: string[] = [];
    const note = (...words: unknown[]): void => void lines.push(words.map(String).join(' '));
    const logger: LoggerService = { log: note, warn: note, error: note, debug: note };

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'crucible-log-keys-'));
      write(['producer', 'worker', 'viewer']);
      const settings = {
        API_KEY: 'admin',
        LOG_MAX_BYTES: '100000',
        MAX_PARKED_POLLS: '2',
        LOG_LEVEL: 'debug',
      };
      service = await startApp({ ...settings, API_KEYS_FILE: join(directory, 'keys.json') }, logger);
    });

    afterAll(async () => {
      await service.close();
      rmSync(directory, { recursive: true });
    });

    function write(roles: readonly string[]): void {
      const keys = roles.map((role) => ({
        ...{ id: role, roles: [role], queues: role === 'producer' ? ['*'] : ['default', 'q'] },
        sha256: createHash('sha256').update(role).digest('hex'),
      }));
      writeFileSync(join(directory, 'keys.json'), JSON.stringify({ keys }));
    }

    async function send(
      method: string,
      path: string,
      { body, ...headers }: Record<string, string | Buffer | undefined> = {},
    ): Promise<Reply> {
      const given = Object.entries({ 'X-API-Key': 'admin', ...headers }).filter(([, value]) => value !== '');
      const response = await fetch(service.url + path, {
        method,
        headers: given,
        body: body as string | undefined,
      });
      const bytes = Buffer.from(await response.arrayBuffer());
      const isJson = response.headers.get('content-type')?.includes('json');
      return {
        status: response.status,
        headers: response.headers,
        bytes,
        body: isJson ? (JSON.parse(bytes.toString()) as Record<string, unknown>) : {},
      };
    }

    let tasks = 0;
    /** A task that a worker holds. */
    async function held(fields: object = {}): Promise<{ id: string; lease: string }> {
      tasks += 1;
      const id = `t${tasks}`;
      const queue = `only-${id}`;
      await service.call('POST', '/tasks', {
        key: 'admin',
        body: { eval_id: id, code: 'x', queue, ...fields },
      });
      return { id, lease: await claim(queue) };
    }

    async function claim(queue: string): Promise<string> {
      const { body } = await service.call('GET', `/tasks/next?queue=${queue}`, { key: 'admin' });
      return String(body.lease_id);
    }

    const append = (id: string, lease: string, body: string | Buffer, offset?: number, headers = {}) =>
      send('POST', `/tasks/${id}/log${offset === undefined ? '' : `?offset=${offset}`}`, {
        ...{ body, 'X-Lease-Id': lease, 'X-API-Key': '', 'Content-Type': 'text/plain' },
        ...headers,
      });
    const read = (id: string, query = '', headers: Record<string, string> = {}) =>
      send('GET', `/tasks/${id}/log${query}`, headers);
    const finish = (id: string, lease: string, how = 'complete', body: object = {}) =>
      service.call('POST', `/tasks/${id}/${how}`, { key: 'admin', body: { lease_id: lease, ...body } });

    it('is what the holder of the lease sent, byte for byte', async () => {
      const { id, lease } = await held();
      expect((await append(id, lease, HOSTILE, 0)).body).toEqual({ attempt: 1, size: HOSTILE.length });
      expect((await append(id, lease, HOSTILE, 0)).body).toEqual({ attempt: 1, size: HOSTILE.length });
      const answer = await read(id);
      expect(answer.bytes.equals(HOSTILE)).toBe(true);
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        ...{ 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
        ...{ 'x-log-attempt': '1', 'x-log-size': String(HOSTILE.length), 'x-log-first': '0' },
        ...{ 'x-log-ended': 'false', 'accept-ranges': 'bytes', 'cache-control': 'no-store' },
      });
      await finish(id, lease);
      expect((await read(id)).headers.get('x-log-ended')).toBe('true');
    });

    it('is read in parts, and by ranges', async () => {
      const { id, lease } = await held();
      const all = randomBytes(90_000);
      await append(id, lease, all);
      const part = async (query: string, range?: string) => {
        const answer = await read(id, query, range === undefined ? {} : { Range: range });
        return [answer.status, answer.headers.get('content-range'), answer.bytes] as const;
      };
      expect(await part('?offset=10&limit=5')).toEqual([200, null, all.subarray(10, 15)]);
      expect(await part('?offset=89999')).toEqual([200, null, all.subarray(89_999)]);
      expect(await part('?offset=90001')).toEqual([200, null, Buffer.alloc(0)]);
      expect(await part('', 'bytes=0-99')).toEqual([206, 'bytes 0-99/90000', all.subarray(0, 100)]);
      expect(await part('?offset=7', 'bytes=80000-')).toEqual([
        206,
        'bytes 80000-89999/90000',
        all.subarray(80_000),
      ]);
      expect(await part('', 'bytes=-5')).toEqual([206, 'bytes 89995-89999/90000', all.subarray(-5)]);
      for (const nonsense of ['bytes=5-1', 'bytes=a-b', 'lines=1-2', 'bytes=0-1,3-4', 'bytes=', 'bytes=-'])
        expect((await part('', nonsense))[0]).toBe(200);
      expect((await part('', 'bytes=90000-')).slice(0, 2)).toEqual([416, 'bytes */90000']);
      expect((await part('', 'bytes=-0'))[0]).toBe(416);
      const head = await send('HEAD', `/tasks/${id}/log`);
      expect([head.status, head.headers.get('content-length'), head.bytes.length]).toEqual([200, '90000', 0]);
    });

    it('begins later when there is more than is kept', async () => {
      const { id, lease } = await held();
      const all = randomBytes(250_000);
      expect((await append(id, lease, all)).body).toMatchObject({ size: all.length });
      const answer = await read(id, '?offset=5');
      const first = Number(answer.headers.get('x-log-first'));
      expect(all.length - first).toBeLessThanOrEqual(100_000);
      expect(answer.bytes.equals(all.subarray(first))).toBe(true);
      expect((await read(id, '', { Range: 'bytes=0-10' })).status).toBe(416);
      const range = await read(id, '', { Range: 'bytes=0-' });
      expect(range.headers.get('content-range')).toBe(`bytes ${first}-${all.length - 1}/${all.length}`);
    });

    it('refuses gaps, other bytes and stale leases, and says where to go on', async () => {
      const { id, lease } = await held();
      await append(id, lease, 'abc', 0);
      for (const [body, offset] of [
        ['x', 9],
        ['X', 0],
        ['cX', 1],
      ] as const) {
        const answer = await append(id, lease, body, offset);
        expect([answer.status, answer.body.code, answer.body.size]).toEqual([409, 'log_offset', 3]);
      }
      await finish(id, lease, 'release');
      const late = await append(id, lease, 'late');
      expect([late.status, late.body.code, late.body.reason]).toEqual([409, 'lease_lost', 'expired']);
      expect((await read(id)).bytes.toString()).toBe('abc');
    });

    it('tells a holder that its task was cleared', async () => {
      const { id, lease } = await held();
      await service.call('DELETE', `/tasks?queue=only-${id}`, { key: 'admin' });
      expect((await append(id, lease, 'x')).body).toMatchObject({ code: 'lease_lost', reason: 'cleared' });
      expect((await read(id)).status).toBe(404);
    });

    it('takes a lease in the query beside a key, and no key without a lease', async () => {
      const { id, lease } = await held();
      const by = (query: string, headers = {}) =>
        send('POST', `/tasks/${id}/log${query}`, { body: 'x', 'Content-Type': 'text/plain', ...headers });
      expect((await by(`?lease_id=${lease}`)).status).toBe(200);
      expect((await by('')).body.code).toBe('lease_required');
      expect((await by(`?lease_id=${lease}`, { 'X-Lease-Id': `${lease}x` })).status).toBe(403);
      expect((await by('', { 'X-API-Key': 'viewer', 'X-Lease-Id': lease })).status).toBe(403);
      expect((await by('', { 'X-API-Key': '', 'X-Lease-Id': '0-invented-lease' })).status).toBe(401);
      const other = await held();
      expect((await append(other.id, lease, 'x')).body).toMatchObject({ code: 'lease_lost' });
      expect((await append('unknown', lease, 'x')).body).toMatchObject({ code: 'lease_lost' });
    });

    it('is read by those who may read payloads of the queue, and not by a lease', async () => {
      const { id, lease } = await held({ queue: 'q' });
      const own = await claim('q');
      await append(id, own, 'x');
      const statusFor = async (key: string, headers = {}) =>
        (await read(id, '', { 'X-API-Key': key, ...headers })).status;
      expect(await statusFor('viewer')).toBe(403);
      expect(await statusFor('worker')).toBe(200);
      expect(await statusFor('producer')).toBe(200);
      expect(await statusFor('', { 'X-Lease-Id': own })).toBe(401);
      expect(lease).not.toBe(own);
      const elsewhere = await held();
      expect((await read(elsewhere.id, '', { 'X-API-Key': 'worker' })).status).toBe(404);
    });

    it('answers every malformed request with a problem below 500', async () => {
      const { id, lease } = await held();
      const bad: readonly (readonly [string, Promise<Reply>])[] = [
        ['415', append(id, lease, 'x', 0, { 'Content-Type': 'application/json' })],
        ['415', append(id, lease, 'x', 0, { 'Content-Encoding': 'gzip' })],
        ['413', append(id, lease, Buffer.alloc(1_048_577))],
        ['422', send('POST', `/tasks/${id}/log?offset=-1`, { body: 'x', 'Content-Type': 'text/plain' })],
        ['422', send('POST', `/tasks/${id}/log?offset=1.5`, { body: 'x', 'Content-Type': 'text/plain' })],
        [
          '422',
          send('POST', `/tasks/${id}/log?offset=1&offset=2`, { body: 'x', 'Content-Type': 'text/plain' }),
        ],
        [
          '422',
          send('POST', `/tasks/${id}/log?offset=99999999999999999999`, {
            body: 'x',
            'Content-Type': 'text/plain',
          }),
        ],
        ['422', read(id, '?attempt=0')],
        ['404', read(id, '?attempt=2')],
        ['422', read(id, '?limit=0')],
        ['422', read(id, '?wait=61')],
        ['422', read(id, '?last_event_id=x')],
        ['404', read('no.such.task')],
        ['404', read('%00')],
        ['405', send('PUT', `/tasks/${id}/log`, { body: 'x' })],
      ];
      for (const [status, answer] of bad)
        expect([status, (await answer).status]).toEqual([status, Number(status)]);
      expect((await append(id, lease, '', 0)).body).toEqual({ attempt: 1, size: 0 });
      const largest = Buffer.alloc(1_048_576, 'x');
      expect((await append(id, lease, largest, 0)).body).toEqual({ attempt: 1, size: largest.length });
    });

    it('parks a read until there is more, or the attempt ends', async () => {
      const { id, lease } = await held();
      const parked = () => service.app.get(Parking).size;
      const first = read(id, '?wait=60');
      await until(() => parked() === 1);
      await append(id, lease, 'one');
      expect((await first).bytes.toString()).toBe('one');
      const second = read(id, '?wait=60&offset=3');
      await until(() => parked() === 1);
      await finish(id, lease, 'fail', { retry_after: 60 });
      const answer = await second;
      expect([answer.bytes.length, answer.headers.get('x-log-ended')]).toEqual([0, 'true']);
      expect((await read(id, '?wait=60&offset=3')).headers.get('x-log-ended')).toBe('true');
      expect((await read(id, '?wait=60')).bytes.toString()).toBe('one');
    });

    it('counts parked reads and streams among the parked polls, and ends them with a cleared task', async () => {
      const { id, lease } = await held();
      const parked = () => service.app.get(Parking).size;
      const first = read(id, '?wait=60');
      const stream = new Stream(`${service.url}/tasks/${id}/log`, { 'X-API-Key': 'admin' });
      await until(() => parked() === 2);
      expect((await read(id, '?wait=60')).body.code).toBe('too_many_waiters');
      expect((await read(id, '', { Accept: 'text/event-stream' })).body.code).toBe('too_many_waiters');
      await service.call('DELETE', `/tasks?queue=only-${id}`, { key: 'admin' });
      expect((await first).body.code).toBe('task_not_found');
      await until(() => stream.isEnded);
      expect(stream.events).toEqual([{ id: undefined, type: 'end', data: { status: null } }]);
      expect([parked(), lease.length > 0]).toEqual([0, true]);
    });

    it('ends parked reads and streams with a withdrawn key', async () => {
      const { id } = await held({ queue: 'q' });
      const first = read(id, '?wait=60', { 'X-API-Key': 'worker' });
      const stream = new Stream(`${service.url}/tasks/${id}/log`, { 'X-API-Key': 'worker' });
      await until(() => service.app.get(Parking).size === 2);
      write(['producer', 'viewer']);
      await service.app.get(ApiKeys).reload();
      expect((await first).status).toBe(401);
      await until(() => stream.isEnded);
      expect(service.app.get(Parking).size).toBe(0);
      write(['producer', 'worker', 'viewer']);
      await service.app.get(ApiKeys).reload();
    });

    it('is a stream of events that goes on into later attempts and ends with the task', async () => {
      const { id, lease } = await held({ max_attempts: 2 });
      const stream = new Stream(`${service.url}/tasks/${id}/log`, { 'X-API-Key': 'admin' });
      await append(id, lease, 'one\n');
      await until(() => stream.text === 'one\n');
      await append(id, lease, 'two\n');
      await until(() => stream.text === 'one\ntwo\n');
      await finish(id, lease, 'fail', { retry_after: 0 });
      const next = await claim(`only-${id}`);
      await append(id, next, 'again\n');
      await until(() => stream.text === 'one\ntwo\nagain\n');
      await finish(id, next);
      await until(() => stream.isEnded);
      expect(stream.events.map(({ id: event, type }) => [event, type])).toEqual([
        ['1:4', 'log'],
        ['1:8', 'log'],
        ['2:6', 'log'],
        [undefined, 'end'],
      ]);
      expect(stream.events.at(-1)?.data).toEqual({ status: 'completed' });
      const resumed = new Stream(`${service.url}/tasks/${id}/log`, {
        'X-API-Key': 'admin',
        'Last-Event-ID': '1:4',
      });
      await until(() => resumed.isEnded);
      expect(resumed.text).toBe('two\nagain\n');
      const byQuery = new Stream(`${service.url}/tasks/${id}/log?last_event_id=2:2`, {
        'X-API-Key': 'admin',
      });
      await until(() => byQuery.isEnded);
      expect(byQuery.events[0]?.data).toEqual({ attempt: 2, offset: 2, text: 'ain\n' });
      const fresh = new Stream(`${service.url}/tasks/${id}/log`, {
        'X-API-Key': 'admin',
        'Last-Event-ID': 'nonsense',
      });
      await until(() => fresh.isEnded);
      expect(fresh.text).toBe('again\n');
    });

    it('never parts a character in an event, and shows what is none as U+FFFD', async () => {
      const { id, lease } = await held();
      const stream = new Stream(`${service.url}/tasks/${id}/log`, { 'X-API-Key': 'admin' });
      const sent = Buffer.concat([Buffer.from('aé🙂'), Buffer.from([0xff]), Buffer.from('b🙂')]);
      for (let at = 0; at < sent.length; at += 1) await append(id, lease, sent.subarray(at, at + 1), at);
      await until(() => stream.text.endsWith('🙂') && stream.text.length > 6);
      await append(id, lease, Buffer.from([0xf0, 0x9f]));
      await finish(id, lease);
      await until(() => stream.isEnded);
      expect(stream.text).toBe('aé🙂\ufffdb🙂\ufffd');
      for (const { data } of stream.events.slice(0, -2)) expect(String(data.text)).not.toBe('');
    });

    it('gives a large stream whole', async () => {
      const { id, lease } = await held();
      const text = '0123456789é\n'.repeat(7_000);
      await append(id, lease, text);
      const stream = new Stream(`${service.url}/tasks/${id}/log`, { 'X-API-Key': 'admin' });
      await finish(id, lease);
      await until(() => stream.isEnded);
      expect(stream.text === text).toBe(true);
    });

    it('never reaches the lines, the events and the metrics of the service', async () => {
      const { id, lease } = await held();
      const secret = 'a-secret-of-the-log';
      await append(id, lease, secret, 0);
      await append(id, lease, `${secret}X`, 3);
      await read(id);
      await finish(id, lease);
      const metrics = await send('GET', '/metrics');
      const attempts = await send('GET', `/tasks/${id}/attempts`);
      const shown = [metrics.bytes, attempts.bytes, ...lines].join('\n');
      expect(shown).not.toContain(secret);
      expect(lines.join('\n')).toContain(id);
    });
  });

  describe('a service that is closing', () => {
    it('answers parked reads of logs and ends their streams', async () => {
      const service = await startApp();
      await service.call('POST', '/tasks', { body: { eval_id: 'closing', code: 'x', queue: 'closing' } });
      await service.call('GET', '/tasks/next?queue=closing');
      const parked = fetch(`${service.url}/tasks/closing/log?wait=60`);
      const stream = new Stream(`${service.url}/tasks/closing/log`);
      await until(() => service.app.get(Parking).size === 2);
      const closed = service.close();
      expect((await parked).status).toBe(200);
      await until(() => stream.isEnded);
      await closed;
    });

    it('keeps no logs with LOG_MAX_BYTES=0', async () => {
      const service = await startApp({ LOG_MAX_BYTES: '0' });
      const answer = await service.call('GET', '/tasks/any/log');
      expect([answer.status, answer.body.code]).toEqual([404, 'logs_off']);
      await service.close();
    });
  });
});

describe('the length of whole characters', () => {
  it('leaves out an unfinished one at the end, and nothing else', () => {
    const all = Buffer.from('aé日🙂');
    const lengths = Array.from({ length: all.length + 1 }, (_, end) => wholeLength(all.subarray(0, end)));
    expect(lengths).toEqual([0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10]);
    for (const bytes of [[0xff], [0x80], [0x80, 0x80, 0x80, 0x80], [0xc0], [0xf5, 0x80]])
      expect(wholeLength(Buffer.from(bytes))).toBe(bytes.length);
  });
});
