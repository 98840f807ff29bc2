import { setImmediate as turn } from 'node:timers/promises';
import { FinishWaiters } from '../../src/queue/finish-waiters.js';
import { describeStores } from '../support/describe-stores.js';
import { type Answer, type TestApp } from '../support/test-app.js';

type Body = Answer['body'];

let service: TestApp;

function enqueue(id: string, fields: object = {}): Promise<Answer> {
  return service.call('POST', '/tasks', { body: { eval_id: id, code: 'secret-code', ...fields } });
}

function post(path: string, body: unknown = {}, headers: Record<string, string> = {}): Promise<Answer> {
  return service.call('POST', path, { body, headers });
}

async function claim(queue = 'default', worker = 'w1'): Promise<Body> {
  return (await service.call('GET', `/tasks/next?queue=${queue}&worker_id=${worker}`)).body;
}

/** Enqueues, claims and fails a task, which is a dead letter then. */
async function bury(id: string, queue = 'default'): Promise<void> {
  await enqueue(id, { queue });
  await claim(queue);
  await post(`/tasks/${id}/fail`, { error: 'no', exit_code: 7 });
}

async function see(id: string): Promise<Body> {
  return (await service.call('GET', `/tasks/${id}`)).body;
}

async function list(query: string): Promise<unknown[]> {
  const { body } = await service.call('GET', `/tasks${query}`);
  return (body.tasks as Body[]).map(({ eval_id }) => eval_id);
}

describeStores(({ startApp }) => {
  beforeEach(async () => {
    service = await startApp();
  });

  afterEach(async () => {
    await service.close();
  });

  describe('GET /tasks', () => {
    beforeEach(async () => {
      await enqueue('a', { batch_id: 'set-1' });
      service.clock.advance(1_000);
      await enqueue('b', { queue: 'other' });
      service.clock.advance(1_000);
      await enqueue('c', { delay: 60, batch_id: 'set-1' });
      await claim('other', 'w7');
    });

    it.each([
      ['', ['c', 'b', 'a']],
      ['?status=queued', ['a']],
      ['?status=delayed,processing', ['c', 'b']],
      ['?queue=other', ['b']],
      ['?queue=other,default&status=queued', ['a']],
      ['?batch_id=set-1', ['c', 'a']],
      ['?worker_id=w7', ['b']],
      ['?created_after=2026-01-01T00:00:00Z', ['c', 'b']],
      ['?created_before=2026-01-01T00:00:02Z', ['b', 'a']],
      ['?created_after=2026-01-01T01:00:00%2B01:00&created_before=2026-01-01T00:00:02Z', ['b']],
      ['?status=failed', []],
      ['?unknown=1', ['c', 'b', 'a']],
    ])('lists by %s', async (query, ids) => {
      expect(await list(query)).toEqual(ids);
    });

    it('goes from page to page by its Link, and shows each task once', async () => {
      const seen: unknown[] = [];
      let path: string | undefined = '/tasks?limit=1&status=queued,processing,delayed';
      while (path !== undefined) {
        const page: Answer = await service.call('GET', path);
        seen.push(...(page.body.tasks as Body[]).map(({ eval_id }) => eval_id));
        const link: string | undefined = /^<(.*)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
        expect(link?.includes(String(page.body.next_cursor)) ?? page.body.next_cursor).toBe(
          link === undefined ? null : true,
        );
        path = link;
      }
      expect(seen).toEqual(['c', 'b', 'a']);
    });

    it.each(['ABC', '-', '_', 'a-b-c', 'Z'.repeat(200), '0', '3', 'zzzz', '5-', '5-YQ', '3-Q8cpsI'])(
      'refuses the cursor %s, which it never gave out',
      async (cursor) => {
        const { status, body } = await service.call('GET', `/tasks?cursor=${cursor}`);
        expect([status, body.code]).toEqual([422, 'invalid_request']);
        expect(body.errors).toMatchObject([{ pointer: 'cursor' }]);
      },
    );

    it.each(['/tasks', '/batches', '/schedules', '/webhooks/deliveries'])(
      'refuses made-up cursors of %s',
      async (path) => {
        for (const cursor of ['1', '0', 'abc', '999999999999999', '1-AAAAAA']) {
          const { status, body } = await service.call('GET', `${path}?cursor=${cursor}`);
          expect([status, body.code, body.errors]).toMatchObject([
            422,
            'invalid_request',
            [{ pointer: 'cursor' }],
          ]);
        }
      },
    );

    it('refuses a place in the events that is none', async () => {
      const { status, body } = await service.call('GET', '/events?last_event_id=abc');
      expect([status, body.code]).toEqual([422, 'invalid_request']);
    });

    it.each(['created_after', 'created_before'])('refuses a day that does not exist in %s', async (name) => {
      const { status, body } = await service.call('GET', `/tasks?${name}=2027-02-29T12:00:00Z`);
      expect([status, body.errors]).toMatchObject([422, [{ pointer: name }]]);
    });

    it('never has the code', async () => {
      expect((await service.call('GET', '/tasks')).text).not.toContain('secret-code');
      expect((await service.call('GET', '/tasks/a')).text).not.toContain('secret-code');
    });
  });

  describe('GET /tasks/{eval_id}?wait', () => {
    async function parked(path: string): Promise<{ answer: Promise<Answer> }> {
      const answer = service.call('GET', path);
      const waiters = service.app.get(FinishWaiters);
      while (waiters.size === 0) await turn();
      return { answer };
    }

    it.each(['complete', 'fail', 'cancel'])('answers when %s ends the task', async (verb) => {
      await enqueue('a');
      await claim();
      const { answer } = await parked('/tasks/a?wait=30');
      const { body } = await post(`/tasks/a/${verb}`);
      expect((await answer).body).toMatchObject({ eval_id: 'a', status: body.status });
    });

    it('waits on while the task is tried again', async () => {
      await enqueue('a', { max_attempts: 2 });
      await claim();
      const { answer } = await parked('/tasks/a?wait=30');
      await post('/tasks/a/fail', { retry_after: 0 });
      expect(service.app.get(FinishWaiters).size).toBe(1);
      await claim();
      await post('/tasks/a/complete');
      expect((await answer).body).toMatchObject({ status: 'completed', attempt: 2 });
    });

    it('answers an ended task at once, and another one as it is when the wait is over', async () => {
      await bury('a');
      expect((await service.call('GET', '/tasks/a?wait=60')).body.status).toBe('failed');
      await enqueue('b');
      expect((await service.call('GET', '/tasks/b?wait=0.05')).body.status).toBe('queued');
      expect((await service.call('GET', '/tasks/nobody?wait=60')).status).toBe(404);
    });
  });

  describe('the attempts and the output', () => {
    it('tell how each attempt went', async () => {
      await enqueue('a', { max_attempts: 2 });
      await claim();
      service.clock.advance(2_500);
      await post('/tasks/a/fail', { error: 'exit 3', exit_code: 3, retry_after: 0 });
      await claim('default', 'w2');
      await post('/tasks/a/complete', '{"output":{"x":1.0}}');
      const { body } = await service.call('GET', '/tasks/a/attempts');
      const first = { started_at: '2026-01-01T00:00:00.000Z', ended_at: '2026-01-01T00:00:02.500Z' };
      const second = { started_at: first.ended_at, ended_at: first.ended_at };
      const none = { cause: null, progress: null, is_spared: false };
      const kept = { outcome: 'completed', error: null, exit_code: null, ...none };
      expect(body).toEqual({
        eval_id: 'a',
        attempts: [
          {
            attempt: 1,
            worker_id: 'w1',
            ...first,
            outcome: 'failed',
            error: 'exit 3',
            exit_code: 3,
            ...none,
          },
          { attempt: 2, worker_id: 'w2', ...second, ...kept },
        ],
      });
      expect((await service.call('GET', '/tasks/a/output')).text).toBe('{"x":1.0}');
    });

    it('are missing where there is none', async () => {
      await enqueue('a');
      expect((await service.call('GET', '/tasks/a/attempts')).body.attempts).toEqual([]);
      expect((await service.call('GET', '/tasks/a/output')).body.code).toBe('no_output');
      for (const part of ['attempts', 'output']) {
        expect((await service.call('GET', `/tasks/nobody/${part}`)).body.code).toBe('task_not_found');
      }
    });
  });

  describe('a new priority', () => {
    const patch = (id: string, body: unknown) => service.call('POST', `/tasks/${id}/priority`, { body });

    it('moves a waiting task at once, and tells it', async () => {
      for (const id of ['a', 'b', 'c']) await enqueue(id);
      const { status, body } = await patch('c', { priority: 5 });
      expect([status, body]).toMatchObject([
        200,
        { eval_id: 'c', status: 'queued', priority: 5, position: 1 },
      ]);
      expect((await patch('c', { priority: 5 })).body).toEqual(body);
      expect(await see('c')).toMatchObject({ priority: 5, position: 1, sequence: 2 });
      expect((await see('a')).position).toBe(2);
      // What was enqueued is still the same work.
      expect((await enqueue('c')).headers.get('idempotent-replay')).toBe('true');
      expect((await enqueue('c', { priority: 5 })).status).toBe(409);
      expect(await claim()).toMatchObject({ eval_id: 'c', priority: 5 });
      const metrics = await service.call('GET', '/metrics');
      expect(metrics.text).toContain('crucible_tasks_reprioritized_total{queue="default"} 1');
      expect(metrics.text).toContain('crucible_tasks_enqueued_total{queue="default"} 3');
    });

    it('counts for a delayed task when its time has come', async () => {
      await enqueue('a');
      await enqueue('late', { delay: 5 });
      expect((await patch('late', { priority: 1000 })).body).toMatchObject({
        status: 'delayed',
        position: null,
      });
      service.clock.advance(5_000);
      await service.sweep();
      expect((await claim()).eval_id).toBe('late');
    });

    it('is refused for a task that is held or has ended, and for what is no priority', async () => {
      await enqueue('a');
      for (const priority of [1001, -1001, 1.5, '5', null, undefined]) {
        expect((await patch('a', { priority })).status).toBe(422);
      }
      await claim();
      const held = await patch('a', { priority: 5 });
      expect([held.status, held.body.code]).toEqual([409, 'not_waiting']);
      await post('/tasks/a/cancel');
      expect((await patch('a', { priority: 5 })).body.code).toBe('not_waiting');
      expect((await patch('nobody', { priority: 5 })).status).toBe(404);
    });
  });

  describe('cancel', () => {
    it('ends a waiting task and a held one at once, and may be repeated', async () => {
      await enqueue('a');
      await enqueue('b', { delay: 60 });
      await enqueue('c', { priority: 9 });
      const { lease_id } = await claim();
      for (const id of ['a', 'b', 'c']) {
        const done = { eval_id: id, status: 'cancelled' };
        expect((await post(`/tasks/${id}/cancel`, { reason: 'not needed' })).body).toEqual(done);
        expect((await post(`/tasks/${id}/cancel`)).body).toEqual(done);
        expect(String((await see(id)).message)).toContain('not needed');
      }
      expect((await post('/tasks/c/complete', { lease_id })).body.reason).toBe('cancelled');
      expect((await post('/tasks/c/complete')).body.code).toBe('task_ended');
      expect((await service.call('GET', '/tasks/c/attempts')).body.attempts).toMatchObject([
        { attempt: 1, outcome: 'cancelled', error: 'not needed' },
      ]);
      expect((await service.call('GET', '/tasks/next')).text).toBe('null');
    });

    it('comes too late for a task that has ended otherwise', async () => {
      await bury('a');
      const { status, body } = await post('/tasks/a/cancel');
      expect([status, body.code]).toEqual([409, 'task_ended']);
      expect((await post('/tasks/nobody/cancel')).status).toBe(404);
    });
  });

  describe('redrive', () => {
    it('gives a dead letter fresh budgets and its old place', async () => {
      await bury('a');
      await enqueue('b');
      const { status, body } = await post('/tasks/a/redrive');
      expect([status, body.eval_id, body.status, body.position]).toEqual([200, 'a', 'queued', 1]);
      expect(await see('a')).toMatchObject({ failures: 0, interruptions: 0, attempt: 1 });
      expect(await claim()).toMatchObject({ eval_id: 'a', attempt: 2 });
    });

    it('is not for a task that waits, is held or was completed', async () => {
      await enqueue('a');
      const refused = { status: 409, body: expect.objectContaining({ code: 'not_redrivable' }) as object };
      expect(await post('/tasks/a/redrive')).toMatchObject(refused);
      await claim();
      expect(await post('/tasks/a/redrive')).toMatchObject(refused);
      await post('/tasks/a/complete');
      expect(await post('/tasks/a/redrive')).toMatchObject(refused);
      expect((await post('/tasks/nobody/redrive')).status).toBe(404);
    });

    it('gives back many by state and queue, up to a limit', async () => {
      for (const id of ['a', 'b', 'c']) await bury(id);
      await bury('d', 'other');
      await enqueue('e');
      await post('/tasks/e/cancel');
      const count = async (body: object) => (await post('/tasks/redrive', body)).body.tasks_redriven;
      expect(await count({ status: 'failed', queue: 'default', limit: 2 })).toBe(2);
      expect(await list('?status=queued')).toHaveLength(2);
      expect(await count({ status: 'failed' })).toBe(2);
      expect(await count({ status: 'failed' })).toBe(0);
      expect(await see('e')).toMatchObject({ status: 'cancelled' });
      expect(await count({ status: 'cancelled' })).toBe(1);
    });
  });

  describe('DELETE', () => {
    it('forgets one task that has ended, and no other', async () => {
      await bury('a');
      await enqueue('b');
      expect((await service.call('DELETE', '/tasks/a')).status).toBe(200);
      expect((await service.call('GET', '/tasks/a')).status).toBe(404);
      const { status, body } = await service.call('DELETE', '/tasks/b');
      expect([status, body.code]).toEqual([409, 'not_finished']);
      expect((await service.call('DELETE', '/tasks/a')).status).toBe(404);
    });

    it('forgets what matches by queue and state', async () => {
      await bury('a');
      await bury('b', 'other');
      await enqueue('c', { queue: 'other' });
      const clear = async (query: string) => (await service.call('DELETE', `/tasks${query}`)).body;
      expect(await clear('?queue=other&status=failed')).toEqual({ status: 'cleared', tasks_removed: 1 });
      expect(await list('')).toEqual(['c', 'a']);
      expect(await clear('?queue=other')).toMatchObject({ tasks_removed: 1 });
      expect(await clear('?status=queued,processing')).toMatchObject({ tasks_removed: 0 });
      expect(await list('')).toEqual(['a']);
    });
  });

  describe('POST /tasks/batch', () => {
    const good = { eval_id: 'b', code: 'x' };

    it('takes the good items, and says what is wrong with each of the others', async () => {
      await enqueue('there');
      const tasks = [
        { eval_id: 'a', code: 'x', priority: 5 },
        { eval_id: 'b', code: 'x', delay: 60 },
        { eval_id: 'next', code: 'x' },
        { eval_id: 'c' },
        7,
        { eval_id: 'there', code: 'other' },
        { eval_id: 'a', code: 'x', priority: 5 },
        { eval_id: 'a', code: 'other' },
      ];
      const { status, body } = await post('/tasks/batch', { batch_id: 'set-1', tasks });
      expect([status, body.batch_id, body.accepted, body.rejected]).toEqual([200, 'set-1', 3, 5]);
      expect(body.results).toMatchObject([
        { index: 0, eval_id: 'a', status: 'queued', position: 1 },
        { index: 1, eval_id: 'b', status: 'delayed', position: null },
        { index: 2, problem: { status: 422, code: 'invalid_request', errors: [{ pointer: '/eval_id' }] } },
        { index: 3, problem: { code: 'invalid_request', errors: [{ pointer: '/code' }] } },
        { index: 4, problem: { code: 'invalid_request' } },
        { index: 5, problem: { status: 409, code: 'conflict' } },
        { index: 6, eval_id: 'a', status: 'queued' },
        { index: 7, problem: { code: 'conflict' } },
      ]);
      expect(await list('?batch_id=set-1')).toEqual(['b', 'a']);
    });

    it.each(['application/x-ndjson', 'application/x-ndjson; charset=utf-8'])('takes %s', async (type) => {
      const lines = ['{"eval_id":"a","code":"é","metadata":{"n":1.0}}', 'nonsense', '', JSON.stringify(good)];
      const { body } = await post('/tasks/batch', lines.join('\r\n'), { 'Content-Type': type });
      expect(body).toMatchObject({ accepted: 2, rejected: 1 });
      expect(body.results).toMatchObject([
        { index: 0, eval_id: 'a' },
        { index: 1, problem: { status: 400, code: 'malformed_request' } },
        { index: 2, eval_id: 'b' },
      ]);
      expect((await service.call('GET', '/tasks/next')).text).toContain('"metadata":{"n":1.0},"code":"é"');
    });

    it('takes a thousand and not one more', async () => {
      const tasks = Array.from({ length: 1001 }, (_, index) => ({ eval_id: `t${index}`, code: 'x' }));
      const refused = await post('/tasks/batch', { tasks });
      expect([refused.status, refused.body.errors]).toEqual([
        422,
        [expect.objectContaining({ pointer: '/tasks' })],
      ]);
      expect(await list('')).toEqual([]);
      expect((await post('/tasks/batch', { tasks: tasks.slice(1) })).body).toMatchObject({ accepted: 1000 });
      expect((await see('t1000')).position).toBe(1000);
    });

    it('is a replay when it is sent again, whatever it is called', async () => {
      const first = await post('/tasks/batch', { tasks: [good] });
      expect(String(first.body.batch_id)).not.toBe('');
      expect((await post('/tasks/batch', { tasks: [good] })).body).toMatchObject({
        accepted: 1,
        rejected: 0,
      });
      expect(await list('')).toEqual(['b']);
    });
  });

  /** Of each field: what is just allowed, and what just is not. */
  const BOUNDS: Readonly<Record<string, { good: unknown[]; bad: unknown[] }>> = {
    eval_id: {
      good: ['A', '0', `a${'b'.repeat(127)}`, 'a.b_c:d-e', 'nextt', 'NEXT', 'constructor'],
      bad: [
        '',
        `a${'b'.repeat(128)}`,
        '-a',
        '.a',
        'a/b',
        'a b',
        'é',
        'a\n',
        'next',
        'claim',
        'batch',
        'complete',
      ].concat(['heartbeat', 'redrive']),
    },
    timeout: { good: [1, 1.5, 2_592_000], bad: [0.999, 2_592_000.001, '30', true] },
    priority: { good: [-1000, 0, 1000], bad: [-1001, 1001, 0.5, '1'] },
    max_attempts: { good: [1, 100], bad: [0, 101, 1.5] },
    max_interruptions: { good: [0, 100], bad: [-1, 101] },
    delay: { good: [0, 0.001, 31_622_400], bad: [-0.001, 31_622_401] },
    ttl: { good: [0.001, 31_622_400], bad: [0, 31_622_401] },
    run_at: {
      good: ['2030-01-31T12:00:00Z'],
      bad: ['2030-01-31T12:00:00', '2030-02-31', '2027-02-29T12:00:00Z', 1, 'soon'],
    },
    metadata: {
      good: [{}, { k: 'm'.repeat(16_376) }],
      bad: [{ k: 'm'.repeat(16_377) }, [], 'text', 1],
    },
    backoff: {
      good: [{}, { type: 'fixed', delay: 0, max_delay: 0, jitter: 0 }, { jitter: 1 }],
      bad: [{ type: 'linear' }, { delay: -1 }, { jitter: 1.1 }, { delay: 5, max_delay: 4 }, [], 'fixed'],
    },
  };

  describe('the fields of a task', () => {
    it.each(Object.entries(BOUNDS))('take of %s what the limits allow, and no more', async (name, bounds) => {
      for (const [index, value] of bounds.good.entries()) {
        const { status, body } = await enqueue(`good-${index}`, { [name]: value });
        expect([value, status, body.errors]).toEqual([value, 201, undefined]);
      }
      for (const value of bounds.bad) {
        const { status, body } = await enqueue('bad', { [name]: value });
        const [error] = body.errors as { pointer: string }[];
        expect([value, status, error?.pointer.split('/')[1]]).toEqual([value, 422, name]);
      }
    });

    it('do not contradict each other', async () => {
      const run_at = '2030-01-31T12:00:00Z';
      expect((await enqueue('a', { delay: 1, run_at })).status).toBe(422);
      expect((await enqueue('a', { ttl: 1, expires_at: run_at })).status).toBe(422);
    });
  });
});
