import { setImmediate as turn } from 'node:timers/promises';
import { StoreUnavailable, TaskStore } from '../../src/storage/task-store.js';
import { PROBLEMS, type ProblemCode } from '../../src/http/problems.js';
import { TaskDamaged } from '../../src/task/task.errors.js';
import { WaitingRoom } from '../../src/queue/waiting-room.js';
import { describeStores, type StoreUnderTest } from '../support/describe-stores.js';
import { exchange } from '../support/raw-exchange.js';
import { type Answer, type Call, type TestApp } from '../support/test-app.js';

const KEY = 'the-only-key';

/** Starts a service on the store that is being tested. */
let startApp: StoreUnderTest['startApp'];
let service: TestApp;

function call(method: string, path: string, more: Call = {}): Promise<Answer> {
  return service.call(method, path, { key: KEY, ...more });
}

function enqueue(id: string, fields: object = {}): Promise<Answer> {
  return call('POST', '/tasks', { body: { eval_id: id, code: 'secret-code', ...fields } });
}

async function heldLease(): Promise<string> {
  return String((await call('GET', '/tasks/next')).body.lease_id);
}

async function complete(): Promise<Answer> {
  return call('POST', '/tasks/a/complete', { body: { lease_id: await heldLease() } });
}

/** An answer that fetch would not let us ask for. */
async function raw(head: string): Promise<Answer> {
  const bytes = Buffer.from(`${head}\r\nHost: x\r\nConnection: close\r\n\r\n`);
  const [top = '', text = ''] = (await exchange(service.port, bytes)).bytes.toString().split('\r\n\r\n');
  const [status = '', ...lines] = top.split('\r\n');
  const headers = new Headers(lines.map((line) => line.split(': ', 2) as [string, string]));
  return { status: Number(status.split(' ')[1]), headers, text, body: JSON.parse(text) as Answer['body'] };
}

async function tooManyWaiters(): Promise<Answer> {
  const parked = call('GET', '/tasks/next?wait=30&queue=other');
  while (service.app.get(WaitingRoom).size === 0) await turn();
  const refused = await call('GET', '/tasks/next?wait=30');
  await enqueue('b', { queue: 'other' });
  await parked;
  return refused;
}

async function whileInsertFails(error: Error): Promise<Answer> {
  const store = service.app.get(TaskStore);
  const insertOfStore = store.insert.bind(store);
  store.insert = () => Promise.reject(error);
  const answer = await enqueue('b');
  store.insert = insertOfStore;
  return answer;
}

const wrongKey = () => service.call('GET', '/status', { key: 'no-such-key' });

/** How each problem comes about. */
const PROVOKED: Partial<Record<ProblemCode, () => Promise<Answer>>> = {
  malformed_request: () => call('POST', '/tasks', { body: '{"eval_id":"b","code":"secret-code}' }),
  unauthorized: () => service.call('GET', '/tasks/a'),
  not_found: () => call('GET', '/nowhere'),
  task_not_found: () => call('GET', '/tasks/nobody'),
  no_output: () => call('GET', '/tasks/a/output'),
  method_not_allowed: () => call('PUT', '/tasks/a'),
  conflict: () => enqueue('a', { timeout: 31 }),
  not_claimed: async () => {
    await service.close();
    service = await startApp({ API_KEY: KEY, MAX_PARKED_POLLS: '1', AUTH_FAILURES_PER_MINUTE: '2' });
    await enqueue('a');
    return call('POST', '/tasks/a/complete');
  },
  lease_lost: () => call('POST', '/tasks/a/heartbeat', { body: { lease_id: 'a-lease-id' } }),
  task_ended: async () => {
    await complete();
    return call('POST', '/tasks/a/cancel');
  },
  task_damaged: () => whileInsertFails(new TaskDamaged('b')),
  not_finished: () => call('DELETE', '/tasks/a'),
  not_redrivable: () => call('POST', '/tasks/a/redrive'),
  too_large: () => enqueue('b', { padding: 'p'.repeat(2_097_152) }),
  unsupported_media_type: () =>
    call('POST', '/tasks', {
      body: 'code=x',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    }),
  expectation_failed: () => raw('GET /livez HTTP/1.1\r\nExpect: a-miracle'),
  invalid_request: () => enqueue('b', { timeout: 0 }),
  lease_required: () => call('POST', '/tasks/a/release'),
  headers_too_large: () => raw(`GET /livez HTTP/1.1\r\nX-Long: ${'x'.repeat(20_000)}`),
  too_many_waiters: tooManyWaiters,
  store_unavailable: () => whileInsertFails(new StoreUnavailable('secret-code', 'unknown')),
  internal_error: () => whileInsertFails(new Error('secret-code')),
  // The last one: from then on wrong keys from here are answered so.
  rate_limited: async () => {
    await wrongKey();
    await wrongKey();
    return wrongKey();
  },
};

describeStores((store) => {
  beforeAll(async () => {
    ({ startApp } = store);
    service = await startApp({
      API_KEY: KEY,
      MAX_PARKED_POLLS: '1',
      AUTH_FAILURES_PER_MINUTE: '2',
      REQUIRE_LEASE_ID: 'true',
    });
  });

  afterAll(async () => {
    await service.close();
  });

  beforeEach(async () => {
    await call('DELETE', '/tasks');
    await enqueue('a');
  });

  describe('the problem', () => {
    it.each(Object.entries(PROVOKED))('%s is told as RFC 9457 has it', async (code, provoke) => {
      const answer = await provoke();
      const { status, title } = PROBLEMS[code as ProblemCode];
      expect([answer.body.code, answer.status]).toEqual([code, status]);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.body).toMatchObject({ status, title, type: `urn:crucible-queue:problem:${code}` });
      expect(answer.body.detail).toMatch(/^[A-Za-z0-9].{9,}/);
      expect(answer.text).not.toMatch(/secret-code|\n\s+at /);
      const wait = [429, 503].includes(status) ? /^[1-9]\d*$/ : /^$/;
      expect(answer.headers.get('retry-after') ?? '').toMatch(wait);
    });

    it('of a method comes with those that are allowed', async () => {
      const allowed = async (method: string, path: string) =>
        (await call(method, path)).headers.get('allow')?.split(', ').toSorted();
      expect(await allowed('PUT', '/tasks/a')).toEqual(['DELETE', 'GET', 'HEAD']);
      expect(await allowed('PATCH', '/tasks')).toEqual(['DELETE', 'GET', 'HEAD', 'POST']);
      expect(await allowed('POST', '/tasks/next')).toEqual(['GET']);
      expect(await allowed('GET', '/tasks/a/complete')).toEqual(['POST']);
      expect(await allowed('DELETE', '/health')).toEqual(['GET', 'HEAD']);
    });

    it('of a schema names each field at fault', async () => {
      const { body } = await enqueue('b', { timeout: 0, priority: 'x', backoff: { jitter: 2 } });
      const pointers = (body.errors as { pointer: string }[]).map(({ pointer }) => pointer);
      expect(pointers.toSorted()).toEqual(['/backoff/jitter', '/priority', '/timeout']);
    });

    it.each([false, 'unknown'] as const)('of a store that is away says applied: %p', async (applied) => {
      const { body } = await whileInsertFails(new StoreUnavailable('It is away', applied));
      expect(body).toMatchObject({ status: 503, applied });
    });

    it.each(['', '{', 'nonsense', 'null1', '[1,', '"open', '{"a":01}', '\ufeff{}'])(
      'of the body %j is that of its kind',
      async (body) => {
        const { status } = await call('POST', '/tasks', { body });
        expect(status).toBe(body === '' ? 422 : 400);
      },
    );

    it.each(['null', '[]', '"text"', '1', 'true', ' [{}] '])(
      'of the JSON %s is one of the schema',
      async (body) => {
        expect((await call('POST', '/tasks', { body })).status).toBe(422);
      },
    );
  });
});
