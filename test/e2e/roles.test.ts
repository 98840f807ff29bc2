import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LoggerService } from '@nestjs/common';
import { LeaseIds } from '../../src/auth/lease-ids.js';
import { TaskStore } from '../../src/storage/task-store.js';
import { describeStores } from '../support/describe-stores.js';
import { type Answer, type Call, type TestApp } from '../support/test-app.js';

const ROLES = ['producer', 'worker', 'viewer', 'admin'] as const;
/** An admin may do everything, so its key is for all queues. */
const LIMITED_ROLES = ['producer', 'worker', 'viewer'] as const;

type Caller = (typeof ROLES)[number] | 'lease';

/** Who may call each route; `all` needs no key. A route that is missing here fails the test. */
const ACCESS: Readonly<Record<string, readonly Caller[] | 'all'>> = {
  'GET /health': 'all',
  'GET /livez': 'all',
  'GET /readyz': 'all',
  'GET /docs': 'all',
  'GET /docs/:file': 'all',
  'GET /redoc': 'all',
  'GET /redoc/redoc.standalone.js': 'all',
  'GET /openapi.json': 'all',
  'GET /openapi.yaml': 'all',
  'GET /metrics': ['viewer', 'admin'],
  'GET /timeline': ['viewer', 'admin'],
  'GET /events': ['producer', 'worker', 'viewer', 'admin'],
  'GET /status': ['producer', 'worker', 'viewer', 'admin'],
  'GET /tasks': ['producer', 'worker', 'viewer', 'admin'],
  'GET /tasks/:eval_id': ['producer', 'worker', 'viewer', 'admin'],
  'GET /tasks/:eval_id/attempts': ['producer', 'worker', 'viewer', 'admin'],
  'GET /tasks/:eval_id/output': ['producer', 'worker', 'admin'],
  'GET /tasks/:eval_id/artifacts': ['producer', 'worker', 'admin'],
  'GET /tasks/:eval_id/artifacts/:name': ['producer', 'worker', 'admin'],
  'PUT /tasks/:eval_id/artifacts/:name': ['worker', 'admin', 'lease'],
  'GET /tasks/:eval_id/log': ['producer', 'worker', 'admin'],
  'POST /tasks/:eval_id/log': ['worker', 'admin', 'lease'],
  'POST /tasks': ['producer', 'admin'],
  'POST /tasks/batch': ['producer', 'admin'],
  'POST /tasks/redrive': ['producer', 'admin'],
  'POST /tasks/:eval_id/priority': ['producer', 'admin'],
  'POST /tasks/:eval_id/cancel': ['producer', 'admin'],
  'POST /tasks/:eval_id/redrive': ['producer', 'admin'],
  'GET /schedules': ['producer', 'worker', 'viewer', 'admin'],
  'GET /schedules/:schedule_id': ['producer', 'worker', 'viewer', 'admin'],
  'POST /schedules': ['producer', 'admin'],
  'DELETE /schedules/:schedule_id': ['producer', 'admin'],
  'GET /tasks/next': ['worker', 'admin'],
  'POST /tasks/claim': ['worker', 'admin'],
  'POST /tasks/complete': ['worker', 'admin'],
  'POST /tasks/heartbeat': ['worker', 'admin'],
  'GET /queues': ['producer', 'worker', 'viewer', 'admin'],
  'GET /queues/:queue': ['producer', 'worker', 'viewer', 'admin'],
  'GET /queues/:queue/stats': ['producer', 'worker', 'viewer', 'admin'],
  'PATCH /queues/:queue': ['admin'],
  'POST /queues/:queue/pause': ['admin'],
  'POST /queues/:queue/resume': ['admin'],
  'GET /batches': ['producer', 'worker', 'viewer', 'admin'],
  'GET /batches/:batch_id': ['producer', 'worker', 'viewer', 'admin'],
  'POST /batches/:batch_id/cancel': ['producer', 'admin'],
  'POST /batches/:batch_id/redrive': ['producer', 'admin'],
  'GET /workers': ['producer', 'worker', 'viewer', 'admin'],
  'POST /workers/:worker_id/drain': ['admin'],
  'POST /workers/:worker_id/resume': ['admin'],
  'POST /workers/:worker_id/leave': ['worker', 'admin'],
  'POST /tasks/:eval_id/heartbeat': ['worker', 'admin', 'lease'],
  'POST /tasks/:eval_id/complete': ['worker', 'admin', 'lease'],
  'POST /tasks/:eval_id/fail': ['worker', 'admin', 'lease'],
  'POST /tasks/:eval_id/release': ['worker', 'admin', 'lease'],
  'GET /webhooks/deliveries': ['admin'],
  'POST /webhooks/deliveries/:delivery_id/redeliver': ['admin'],
  'DELETE /tasks': ['admin'],
  'DELETE /tasks/:eval_id': ['admin'],
};

/** Requests that are about a queue although they say nothing more: `default`, or the one in the address. */
const NAMING_BY_DEFAULT = ['GET /tasks/next', 'GET /queues/:queue', 'GET /queues/:queue/stats'];

/** Requests of a key for another queue that name this one: 403 each. */
const NAMING_THE_QUEUE: Readonly<Record<string, object | undefined>> = {
  'GET /tasks?queue=default': undefined,
  'GET /tasks?queue=elsewhere,default': undefined,
  'GET /events?queue=default': undefined,
  'GET /tasks/next': undefined,
  'GET /tasks/next?queue=elsewhere,default': undefined,
  'POST /tasks': { eval_id: 'new', code: 'x' },
  'POST /tasks/claim': { worker_id: 'w1', queues: ['elsewhere', 'default'] },
  'POST /tasks/complete': {
    results: [{ eval_id: 'sample', lease_id: 'a-lease-id', status: 'completed' }],
    claim: { worker_id: 'w1', queues: ['default'] },
  },
  'POST /tasks/redrive': { status: 'failed', queue: 'default' },
  'POST /schedules': { schedule_id: 'new', cron: '@daily', task: { code: 'x' } },
  'GET /queues/default': undefined,
  'GET /queues/default/stats': undefined,
};

/** Requests of the same key about something in this queue: each is answered as if that did not exist. */
const NAMING_A_THING: Readonly<Record<string, object | undefined>> = {
  'GET /tasks/sample': undefined,
  'GET /tasks/sample?wait=0.05': undefined,
  'GET /tasks/sample/attempts': undefined,
  'GET /tasks/sample/output': undefined,
  'GET /tasks/sample/log': undefined,
  'POST /tasks/sample/priority': { priority: 5 },
  'POST /tasks/sample/cancel': {},
  'POST /tasks/sample/redrive': {},
  'POST /tasks/sample/heartbeat': { lease_id: 'a-lease-id' },
  'POST /tasks/sample/complete': {},
  'POST /tasks/sample/fail': {},
  'POST /tasks/sample/release': { lease_id: 'a-lease-id' },
  'POST /tasks/complete': { results: [{ eval_id: 'sample', lease_id: 'a-lease-id', status: 'completed' }] },
  'POST /tasks/heartbeat': { worker_id: 'w1', leases: [{ eval_id: 'sample', lease_id: 'a-lease-id' }] },
  'GET /tasks?batch_id=sample': undefined,
  'GET /tasks?worker_id=sample': undefined,
  'GET /schedules/sample': undefined,
  'DELETE /schedules/sample': undefined,
  'GET /batches/sample': undefined,
  'GET /batches/sample?wait=0.05': undefined,
  'POST /batches/sample/cancel': {},
  'POST /batches/sample/redrive': {},
  'POST /workers/sample/leave': {},
};

const SAMPLE = {
  batch_id: 'sample',
  callback_url: 'http://127.0.0.1:1/batch?token=the-token',
  tasks: [{ eval_id: 'sample', code: 'x', callback_url: 'http://127.0.0.1:1/task?token=the-token' }],
};
const JSON_TYPE = { 'Content-Type': 'application/json' };
const SCHEDULE = {
  schedule_id: 'sample',
  cron: '@daily',
  task: { code: 'the-code', callback_url: 'http://127.0.0.1:1/run?token=the-token' },
};

/** Keeps all that is logged, at every level. */
class KeptLog implements LoggerService {
  text = '';
  private readonly keep = (...parts: unknown[]): void => {
    this.text += `${parts.map(String).join(' ')}\n`;
  };
  readonly log = this.keep;
  readonly error = this.keep;
  readonly warn = this.keep;
  readonly debug = this.keep;
  readonly verbose = this.keep;
  readonly fatal = this.keep;
}

let directory: string;
let log: KeptLog;
let service: TestApp;

function entry(id: string, roles: readonly string[], queues: readonly string[] = ['*']): object {
  const sha256 = createHash('sha256').update(keyOf(id)).digest('hex');
  return { id, sha256, roles, queues, not_before: null, expires: null };
}

function keyOf(id: string): string {
  return `secret-key-of-${id}`;
}

function as(id: string, method: string, path: string, call: Call = {}): Promise<Answer> {
  return service.call(method, path, { ...call, key: keyOf(id) });
}

function withLease(leaseId: string, method: string, path: string, body?: object | string): Promise<Answer> {
  const type = typeof body === 'string' && !['GET'].includes(method) ? JSON_TYPE : undefined;
  const sent = method === 'GET' ? undefined : body;
  return service.call(method, path, { headers: { ...type, 'X-Lease-Id': leaseId }, body: sent });
}

interface Layer {
  readonly route?: { readonly path: string; readonly methods: Readonly<Record<string, boolean>> };
}

/** What Express has registered, as `METHOD /path`; HEAD goes with GET. The dashboard has sessions, and its own tests. */
function registeredRoutes(): string[] {
  const { router } = service.app.getHttpAdapter().getInstance() as { router: { stack: Layer[] } };
  const routes = router.stack.filter(({ route }) => route?.path.startsWith('/dashboard') !== true);
  return routes.flatMap(({ route }) =>
    Object.keys(route?.methods ?? {})
      .filter((method) => method !== 'head')
      .map((method) => `${method.toUpperCase()} ${route?.path ?? ''}`),
  );
}

function split(route: string): [method: string, path: string] {
  const [method = '', path = ''] = route.split(' ');
  // A stream that is let in has no end; a bad query is looked at by those only who may come in.
  if (path === '/events') return [method, '/events?type=none'];
  return [method, path.replace(':file', 'none').replace(/:\w+/, 'sample')];
}

/** The same about something that does not exist. */
function renamed(text: string | undefined): string | undefined {
  return text?.replaceAll('sample', 'nobody');
}

function isOpen({ status }: Answer): boolean {
  return status !== 401 && status !== 403;
}

describeStores(({ startApp }) => {
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'crucible-roles-'));
    log = new KeptLog();
    const file = join(directory, 'keys.json');
    const stranger = entry('stranger', ['producer', 'worker', 'viewer'], ['elsewhere']);
    const limited = LIMITED_ROLES.map((role) => entry(`limited-${role}`, [role], ['elsewhere']));
    const keys = [...ROLES.map((role) => entry(role, [role])), ...limited, stranger];
    writeFileSync(file, JSON.stringify({ keys }));
    const env = {
      API_KEYS_FILE: file,
      LOG_LEVEL: 'debug',
      AUTH_FAILURES_PER_MINUTE: '1000000',
      WEBHOOK_ALLOW_PRIVATE: 'true',
    };
    service = await startApp(env, log);
  });

  afterAll(async () => {
    await service.close();
    rmSync(directory, { recursive: true });
  });

  beforeEach(async () => {
    await as('admin', 'DELETE', '/tasks');
    await as('producer', 'POST', '/tasks/batch', { body: SAMPLE });
    await as('producer', 'POST', '/schedules', { body: SCHEDULE });
  });

  describe('every route', () => {
    it('is in the table, and the table has no other', () => {
      expect(registeredRoutes().toSorted()).toEqual(Object.keys(ACCESS).toSorted());
    });

    it.each(Object.entries(ACCESS))('%s is for %p', async (route, callers) => {
      const [method, path] = split(route);
      const body = method === 'POST' || method === 'PATCH' ? {} : undefined;
      const anonymous = await service.call(method, path, { body });
      const wrong = await service.call(method, path, { body, key: 'no-such-key' });
      if (callers === 'all') {
        expect([isOpen(anonymous), isOpen(wrong)]).toEqual([true, true]);
        return;
      }
      expect([anonymous.status, anonymous.body.code]).toEqual([401, 'unauthorized']);
      expect([wrong.status, wrong.body.code]).toEqual([401, 'unauthorized']);
      const genuine = service.app.get(LeaseIds).make(0);
      const leased = await withLease(genuine, method, path, body);
      expect(leased.status === 401).toBe(!callers.includes('lease'));
      for (const madeUp of ['0-AAAAAAAAAAAAAAAAAAAAAAAA', `0-${'A'.repeat(40)}`]) {
        const answer = await withLease(madeUp, method, path, '{');
        expect([answer.status, answer.body.code]).toEqual([401, 'unauthorized']);
      }
      for (const role of ROLES) {
        const answer = await as(role, method, path, { body });
        if (callers.includes(role)) expect([role, isOpen(answer)]).toEqual([role, true]);
        else expect([role, answer.status, answer.body.code]).toEqual([role, 403, 'forbidden']);
      }
    });
  });

  describe('every route, for keys of another queue', () => {
    /** Numbers over all queues cannot be taken apart. */
    const OF_ALL_QUEUES = ['GET /metrics', 'GET /timeline'];
    const WITH_KEY = Object.entries(ACCESS).filter(([, callers]) => callers !== 'all');

    it.each(WITH_KEY)('%s tells nothing of this one and changes nothing in it', async (route, callers) => {
      const [method, path] = split(route);
      const body = method === 'POST' || method === 'PATCH' ? {} : undefined;
      for (const role of LIMITED_ROLES) {
        const { status, text } = await as(`limited-${role}`, method, path, { body });
        const mayEnter = callers.includes(role) && !OF_ALL_QUEUES.includes(route);
        expect([role, status === 403]).toEqual([role, !mayEnter || NAMING_BY_DEFAULT.includes(route)]);
        // 415: the bytes of a log are no JSON.
        expect([200, 403, 404, 415, 422]).toContain(status);
        expect(text).not.toMatch(/the-(code|token)|"queue":"default"|"(total_tasks|queued)":[1-9]/);
        if (status === 200) expect(text).not.toContain('sample');
      }
      const { body: sample } = await as('admin', 'GET', '/tasks/sample');
      expect(sample).toMatchObject({ status: 'queued', attempt: 0, queue: 'default' });
      expect((await as('admin', 'GET', '/schedules/sample')).status).toBe(200);
      expect((await as('admin', 'GET', '/queues/sample')).body.paused).toBe(false);
    });
  });

  describe('a key for another queue', () => {
    it.each(Object.entries(NAMING_THE_QUEUE))('is refused %s', async (route, body) => {
      const [method, path] = split(route);
      const answer = await as('stranger', method, path, { body });
      expect([answer.status, answer.body.code]).toEqual([403, 'forbidden']);
      const { body: sample } = await as('admin', 'GET', '/tasks/sample');
      expect(sample).toMatchObject({ status: 'queued', attempt: 0 });
    });

    it.each(Object.entries(NAMING_A_THING))('cannot tell by %s that it is there', async (route, body) => {
      const [method, path] = split(route);
      const there = await as('stranger', method, path, { body });
      const unknown = renamed(JSON.stringify(body));
      const nowhere = await as('stranger', method, renamed(path) ?? '', {
        body: unknown,
        headers: JSON_TYPE,
      });
      expect([there.status, renamed(there.text)]).toEqual([nowhere.status, nowhere.text]);
      const { body: sample } = await as('admin', 'GET', '/tasks/sample');
      expect(sample).toMatchObject({ status: 'queued', attempt: 0 });
      expect((await as('admin', 'GET', '/schedules/sample')).status).toBe(200);
    });

    it('is told nothing of a foreign task but that its eval_id is taken', async () => {
      const body = { eval_id: 'sample', code: 'x', queue: 'elsewhere' };
      const foreign = await as('stranger', 'POST', '/tasks', { body });
      await as('stranger', 'POST', '/tasks', { body: { ...body, eval_id: 'own' } });
      const own = await as('stranger', 'POST', '/tasks', { body: { ...body, eval_id: 'own', code: 'y' } });
      expect([foreign.status, foreign.text.replaceAll('sample', 'own')]).toEqual([409, own.text]);
    });

    it('pages through its own schedules as if there were no others', async () => {
      const schedule = (id: string, queue: string) => ({
        ...SCHEDULE,
        schedule_id: id,
        task: { code: 'x', queue },
      });
      for (const id of ['s1', 's2'])
        await as('admin', 'POST', '/schedules', { body: schedule(id, 'elsewhere') });
      for (const id of ['t1', 't2'])
        await as('admin', 'POST', '/schedules', { body: schedule(id, 'default') });
      const first = (await as('stranger', 'GET', '/schedules?limit=1')).body;
      expect(first).toMatchObject({ schedules: [{ schedule_id: 's2' }], next_cursor: expect.any(String) });
      const path = `/schedules?limit=1&cursor=${String(first.next_cursor)}`;
      expect((await as('stranger', 'GET', path)).body).toMatchObject({
        schedules: [{ schedule_id: 's1' }],
        next_cursor: null,
      });
      for (const id of ['s1', 's2', 't1', 't2']) await as('admin', 'DELETE', `/schedules/${id}`);
    });

    it('sees and redrives nothing of the others', async () => {
      await as('stranger', 'POST', '/tasks', { body: { eval_id: 'own', code: 'x', queue: 'elsewhere' } });
      const list = await as('stranger', 'GET', '/tasks');
      expect((await as('stranger', 'GET', '/schedules?limit=1')).body).toEqual({
        schedules: [],
        next_cursor: null,
      });
      await as('worker', 'GET', '/tasks/next?worker_id=w1&queue=default,other');
      expect((await as('stranger', 'GET', '/workers')).body.workers).toEqual([]);
      expect((await as('viewer', 'GET', '/workers')).body.workers).toMatchObject([
        { worker_id: 'w1', state: 'busy' },
      ]);
      expect(list.body.tasks).toMatchObject([{ eval_id: 'own' }]);
      const status = await as('stranger', 'GET', '/status');
      expect(status.body).toMatchObject({ total_tasks: 1, queued: 1 });
      expect(Object.keys(status.body.queues as object)).toEqual(['elsewhere']);
      await as('admin', 'POST', '/tasks/sample/cancel');
      const redriven = await as('stranger', 'POST', '/tasks/redrive', { body: { status: 'cancelled' } });
      expect(redriven.body.tasks_redriven).toBe(0);
    });

    it('sees a worker with what it does in its queues, and may say goodbye for no other', async () => {
      const claim = (queue: string) => as('worker', 'GET', `/tasks/next?worker_id=w2&queue=${queue}`);
      const seen = async (id: string) =>
        ((await as(id, 'GET', '/workers')).body.workers as { worker_id: string }[]).filter(
          ({ worker_id }) => worker_id === 'w2',
        );
      expect((await claim('default')).body).toMatchObject({ eval_id: 'sample' });
      const refused = await as('stranger', 'POST', '/workers/w2/leave');
      expect([refused.status, refused.body.code]).toEqual([404, 'worker_not_found']);
      await claim('elsewhere');
      expect(await seen('viewer')).toMatchObject([{ state: 'busy', held: 1 }]);
      expect(await seen('stranger')).toMatchObject([{ state: 'idle', held: 0, queues: ['elsewhere'] }]);
      const left = await as('stranger', 'POST', '/workers/w2/leave');
      expect(left.body).toMatchObject({ state: 'gone', held: 0, held_tasks: [] });
    });

    it('sees how many attempts of a worker ended in its queues', async () => {
      const counts = async (id: string) =>
        ((await as(id, 'GET', '/workers')).body.workers as { worker_id: string }[]).filter(
          ({ worker_id }) => worker_id === 'w3',
        );
      const end = async (queue: string, verb: string) => {
        const { body } = await as('worker', 'GET', `/tasks/next?worker_id=w3&queue=${queue}`);
        const report = { body: { lease_id: body.lease_id } };
        expect((await as('worker', 'POST', `/tasks/${String(body.eval_id)}/${verb}`, report)).status).toBe(
          200,
        );
      };
      await end('default', 'complete');
      await as('stranger', 'POST', '/tasks', { body: { eval_id: 'own', code: 'x', queue: 'elsewhere' } });
      await end('elsewhere', 'fail');
      expect(await counts('viewer')).toMatchObject([{ completed: 1, failed: 1, lost: 0 }]);
      expect(await counts('stranger')).toMatchObject([{ completed: 0, failed: 1, lost: 0 }]);
    });

    it('has its items of a bulk request refused one by one', async () => {
      const tasks = [
        { eval_id: 'own', code: 'x', queue: 'elsewhere' },
        { eval_id: 'new', code: 'x' },
      ];
      const batch = await as('stranger', 'POST', '/tasks/batch', { body: { tasks } });
      expect(batch.body.results).toMatchObject([{ eval_id: 'own' }, { problem: { code: 'forbidden' } }]);
      const results = [{ eval_id: 'sample', lease_id: 'a-lease-id', status: 'completed' }];
      const report = await as('stranger', 'POST', '/tasks/complete', { body: { results } });
      expect(report.body.results).toMatchObject([{ problem: { code: 'task_not_found' } }]);
    });
  });

  describe('a viewer', () => {
    it('sees a task without its payloads', async () => {
      const body = { eval_id: 'a', code: 'the-code', metadata: { k: 'the-metadata' } };
      await as('producer', 'POST', '/tasks', { body });
      expect((await as('producer', 'GET', '/tasks/a')).text).toContain('the-metadata');
      for (const path of ['/tasks/a', '/tasks', '/tasks/a/attempts', '/status', '/schedules/sample']) {
        expect((await as('viewer', 'GET', path)).text).not.toMatch(/the-(code|metadata)/);
      }
    });
  });

  describe('the query of a callback_url', () => {
    const SHOWING = [
      '/tasks/sample',
      '/tasks',
      '/batches/sample',
      '/batches',
      '/schedules/sample',
      '/schedules',
    ];

    it.each(SHOWING)('is shown to no viewer and no worker by GET %s', async (path) => {
      for (const role of ['viewer', 'worker'])
        expect((await as(role, 'GET', path)).text).not.toContain('the-token');
    });

    it('leaves the rest of a schedule as it was sent', async () => {
      const task =
        '{ "code":"\\u0041","call\\u0062ack_url" : "https://a.example/x?t=1#f", "metadata":{"callback_url":"?", "n":1.0} }';
      await as('producer', 'POST', '/schedules', {
        body: `{"schedule_id":"exact","cron":"@daily","task":${task}}`,
      });
      expect((await as('producer', 'GET', '/schedules/exact')).text).toContain(`"task":${task}`);
      const hidden = task.replace('?t=1#f', '');
      expect((await as('worker', 'GET', '/schedules/exact')).text).toContain(`"task":${hidden}`);
      await as('producer', 'DELETE', '/schedules/exact');
    });
  });

  describe('a lease without a key', () => {
    async function claim(id: string): Promise<string> {
      await as('producer', 'POST', '/tasks', { body: { eval_id: id, code: 'x', queue: id } });
      const { body } = await as('worker', 'GET', `/tasks/next?queue=${id}`);
      return String(body.lease_id);
    }

    it('keeps, and ends, its own attempt', async () => {
      for (const verb of ['complete', 'fail', 'release']) {
        const id = `to-${verb}`;
        const lease = await claim(id);
        expect((await withLease(lease, 'POST', `/tasks/${id}/heartbeat`, {})).status).toBe(200);
        expect((await withLease(lease, 'POST', `/tasks/${id}/${verb}`, {})).status).toBe(200);
        const { body } = await withLease(lease, 'POST', `/tasks/${id}/heartbeat`, {});
        expect(body.code).toBe('lease_lost');
      }
    });

    it('is nothing for the attempt of another, nor beside another lease', async () => {
      const lease = await claim('mine');
      const other = await claim('theirs');
      for (const verb of ['heartbeat', 'complete', 'fail', 'release']) {
        const foreign = await withLease(lease, 'POST', `/tasks/theirs/${verb}`, {});
        expect([foreign.status, foreign.body.code]).toEqual([409, 'lease_lost']);
        const nobody = await withLease(lease, 'POST', `/tasks/nobody/${verb}`, {});
        expect([nobody.status, nobody.text]).toEqual([409, foreign.text.replaceAll('theirs', 'nobody')]);
        const both = await withLease(lease, 'POST', `/tasks/theirs/${verb}`, { lease_id: other });
        expect([both.status, both.body.code]).toEqual([403, 'forbidden']);
      }
      expect((await as('admin', 'GET', '/tasks/theirs')).body.status).toBe('processing');
    });

    it('does not tell whether a task is there', async () => {
      const lease = await claim('mine');
      for (const path of ['/tasks/mine', '/tasks/nobody', '/tasks/mine/output', '/tasks']) {
        expect((await withLease(lease, 'GET', path)).status).toBe(401);
      }
    });
  });

  describe('the log at its most talkative', () => {
    it('has no key, no lease and no payload', async () => {
      const secret = (name: string) => `secret-${name}`;
      const task = {
        eval_id: 'a',
        code: secret('code'),
        metadata: { k: secret('metadata') },
        max_attempts: 2,
      };
      await as('producer', 'POST', '/tasks', { body: task });
      await as('producer', 'POST', '/tasks', { body: { ...task, code: secret('other-code') } });
      await as('producer', 'POST', '/tasks', { body: `{"eval_id":"b","code":"${secret('broken')}` });
      await as('producer', 'POST', '/tasks', { body: { ...task, timeout: secret('field') } });
      await as('viewer', 'POST', '/tasks', { body: task });
      await service.call('POST', '/tasks', { body: task, key: secret('guess') });
      const worker = { worker_id: 'w1', queues: ['default'], max_tasks: 2 };
      const { body } = await as('worker', 'POST', '/tasks/claim', { body: worker });
      const [, held] = body.tasks as { lease_id: string }[];
      const lease_id = held?.lease_id ?? '';
      const progress = { message: secret('progress') };
      await as('worker', 'POST', '/tasks/a/heartbeat', { body: { lease_id, progress } });
      await as('worker', 'POST', '/tasks/a/fail', {
        body: { lease_id, error: secret('error'), retry_after: 0 },
      });
      await as('worker', 'GET', '/tasks/next');
      await as('worker', 'POST', '/tasks/a/complete', { body: { output: secret('output') } });
      await as('producer', 'POST', '/tasks/sample/cancel', { body: { reason: secret('reason') } });
      expect(lease_id).not.toBe('');
      expect(log.text).toContain('Refused');
      expect(log.text).not.toContain('secret-');
      expect(log.text).not.toContain(lease_id);
    });

    it('tells of a fault without the text of the error, which may quote a payload', async () => {
      const store = service.app.get(TaskStore);
      const findOfStore = store.find.bind(store);
      store.find = () => Promise.reject(new Error('secret-code was not expected'));
      const answer = await as('viewer', 'GET', '/tasks/sample');
      store.find = findOfStore;
      expect([answer.status, answer.body.code]).toEqual([500, 'internal_error']);
      expect(answer.text).not.toContain('secret-');
      expect(log.text).toContain(String(answer.headers.get('x-request-id')));
      expect(log.text).not.toContain('secret-');
    });
  });
});
