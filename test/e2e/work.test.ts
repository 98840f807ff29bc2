import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { FinishWaiters } from '../../src/queue/finish-waiters.js';
import { WaitingRoom } from '../../src/queue/waiting-room.js';
import { TaskStore } from '../../src/storage/task-store.js';
import { describeStores } from '../support/describe-stores.js';
import { type Answer, type TestApp } from '../support/test-app.js';

let service: TestApp;

type Body = Answer['body'];

function enqueue(id: string, fields: object = {}): Promise<Answer> {
  return service.call('POST', '/tasks', { body: { eval_id: id, code: 'x', ...fields } });
}

async function claim(fields: object = {}): Promise<Body[]> {
  const { body } = await service.call('POST', '/tasks/claim', { body: { worker_id: 'w1', ...fields } });
  return body.tasks as Body[];
}

async function claimOne(fields: object = {}): Promise<Body> {
  const [task] = await claim(fields);
  if (!task) throw new Error('Nothing was ready');
  return task;
}

function post(path: string, body: object = {}): Promise<Answer> {
  return service.call('POST', path, { body });
}

async function see(id: string): Promise<Body> {
  return (await service.call('GET', `/tasks/${id}`)).body;
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await turn();
}

describeStores(({ startApp }) => {
  beforeEach(async () => {
    service = await startApp();
  });

  afterEach(async () => {
    await service.close();
  });

  describe('payloads', () => {
    const metadata =
      '{ "a": [], "b": {},"__proto__":{"x":1}, "constructor":1.0, "n":9007199254740993, "é":"\\ud83d\\ude00 \\ud800" }';
    const code = '"line\\n\\u0000 \\ud800 \\" é 😀 \\\\"';

    it('come back as the same JSON text', async () => {
      await service.call('POST', '/tasks', { body: `{"eval_id":"a","metadata":${metadata},"code":${code}}` });
      const { text } = await service.call('GET', '/tasks/next');
      expect(text).toContain(`"metadata":${metadata}`);
      expect(text).toContain(`"code":${code}`);
      expect((await service.call('GET', '/tasks/a')).text).toContain(`"metadata":${metadata}`);
    });

    it.each([
      '[]',
      '{}',
      'null',
      '1.0',
      '9007199254740993',
      '"x"',
      '{"__proto__":{"a":1}}',
      '[ 1,\n2 ]',
      'true',
    ])('keep the output %s', async (output) => {
      await enqueue('a');
      await claimOne();
      await service.call('POST', '/tasks/a/complete', { body: `{"output": ${output} }` });
      expect((await service.call('GET', '/tasks/a/output')).text).toBe(output);
    });

    it('take code up to its limit and no byte more', async () => {
      expect((await enqueue('a', { code: 'é'.repeat(524_288) })).status).toBe(201);
      const refused = await enqueue('b', { code: `${'é'.repeat(524_288)}!` });
      expect([refused.status, refused.body.errors]).toEqual([
        422,
        [expect.objectContaining({ pointer: '/code' })],
      ]);
      expect((await claimOne()).code).toBe('é'.repeat(524_288));
    });

    it('keep an error of any length', async () => {
      const error = `é😀"\n\ud800${'e'.repeat(5_000)}`;
      await enqueue('a');
      await claimOne();
      await post('/tasks/a/fail', { error, exit_code: 3 });
      expect(await see('a')).toMatchObject({ error, exit_code: 3, outcome: 'failed' });
      expect((await service.call('GET', '/tasks/a/attempts')).body.attempts).toMatchObject([
        { error, exit_code: 3 },
      ]);
    });
  });

  describe('enqueueing again', () => {
    it('answers the present state for the same content', async () => {
      await enqueue('a', { metadata: { k: [1, 2] }, priority: 3 });
      await claimOne();
      const body = '{"priority":3,"metadata":{ "k" : [ 1,2 ] },"code":"\\u0078","eval_id":"a"}';
      const again = await service.call('POST', '/tasks', { body });
      expect([again.status, again.headers.get('idempotent-replay')]).toEqual([200, 'true']);
      expect(again.body).toMatchObject({ eval_id: 'a', status: 'processing', position: null });
      expect((await service.call('GET', '/status')).body.total_tasks).toBe(1);
    });

    it('takes labels for the same in whatever order they come', async () => {
      expect((await enqueue('a', { requires: { cpu: 'x', 'cpu-arch': 'arm' } })).status).toBe(201);
      expect((await enqueue('a', { requires: { cpu: 'x', 'cpu-arch': 'arm' } })).status).toBe(200);
      expect((await enqueue('a', { requires: { 'cpu-arch': 'arm', cpu: 'x' } })).status).toBe(200);
      expect((await enqueue('a', { requires: { cpu: 'x' } })).status).toBe(409);
    });

    it.each([
      { code: 'y' },
      { priority: 2 },
      { metadata: {} },
      { queue: 'other' },
      { delay: 1 },
      { max_attempts: 2 },
    ])('is a conflict with other content: %j', async (other) => {
      await enqueue('a');
      const answer = await enqueue('a', other);
      expect([answer.status, answer.body.code]).toEqual([409, 'conflict']);
      expect((await claimOne()).code).toBe('x');
    });

    it('tells 1.0 from 1 and large numbers apart', async () => {
      const send = (n: string) =>
        service.call('POST', '/tasks', { body: `{"eval_id":"a","code":"x","metadata":{"n":${n}}}` });
      expect((await send('9007199254740993')).status).toBe(201);
      expect((await send('9007199254740992')).status).toBe(409);
      expect((await send('9007199254740993')).status).toBe(200);
    });
  });

  describe('time', () => {
    it.each([
      ['delay', { delay: 2.5 }],
      ['run_at', { run_at: '2026-01-01T00:00:02.500Z' }],
      ['run_at with an offset', { run_at: '2026-01-01T01:00:02.5+01:00' }],
    ])('holds a task back until %s', async (_, fields) => {
      expect((await enqueue('a', fields)).body).toMatchObject({
        status: 'delayed',
        position: null,
        run_at: '2026-01-01T00:00:02.500Z',
      });
      service.clock.advance(2_499);
      await service.sweep();
      expect(await claim()).toEqual([]);
      service.clock.advance(1);
      await service.sweep();
      expect(await claimOne()).toMatchObject({ eval_id: 'a' });
    });

    it.each([
      ['ttl', { ttl: 2 }],
      ['expires_at', { expires_at: '2026-01-01T00:00:02Z' }],
    ])('expires a task that did not start within %s', async (_, fields) => {
      await enqueue('a', fields);
      await enqueue('b', fields);
      service.clock.advance(1_999);
      expect(await claimOne()).toMatchObject({ eval_id: 'a' });
      service.clock.advance(1);
      expect(await claim()).toEqual([]);
      expect(await see('b')).toMatchObject({ status: 'expired', outcome: 'expired' });
      expect(await see('a')).toMatchObject({ status: 'processing' });
    });

    it('forgets ended tasks when their retention is over', async () => {
      await enqueue('a');
      await post('/tasks/a/cancel');
      service.clock.advance(86_400_000);
      await service.sweep();
      expect((await service.call('GET', '/tasks/a')).status).toBe(404);
    });
  });

  describe('claiming', () => {
    it('looks at the queues in the order given', async () => {
      for (const queue of ['b', 'a', 'c']) await enqueue(`in-${queue}`, { queue });
      const taken = await claim({ queues: ['a', 'b'], max_tasks: 5 });
      expect(taken.map((task) => task.eval_id)).toEqual(['in-a', 'in-b']);
      expect((await service.call('GET', '/tasks/next?queue=x,c&worker_id=w2')).body).toMatchObject({
        eval_id: 'in-c',
        worker_id: 'w2',
      });
    });

    it('gives all fields, the attempt and the lease', async () => {
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
      const body = { eval_id: 'a', code: 'x', timeout: 5, batch_id: 'set-1', max_attempts: 2 };
      await service.call('POST', '/tasks', { body, headers: { traceparent } });
      const task = await claimOne({ lease: 90 });
      expect(task).toMatchObject({
        ...body,
        attempt: 1,
        status: 'processing',
        worker_id: 'w1',
        traceparent,
        queue: 'default',
      });
      expect(task).toMatchObject({ lease_expires_at: '2026-01-01T00:01:30.000Z', heartbeat_interval: 30 });
      expect(String(task.lease_id)).toMatch(/^[A-Za-z0-9_-]{20,}$/);
    });

    it('gives the same held tasks to the same claim_id, and others to another worker', async () => {
      for (const id of ['a', 'b', 'c']) await enqueue(id);
      const first = await claim({ claim_id: 'c1', max_tasks: 2 });
      expect(await claim({ claim_id: 'c1', max_tasks: 2 })).toEqual(first);
      expect((await claimOne({ worker_id: 'w2', claim_id: 'c1' })).eval_id).toBe('c');
      await post('/tasks/a/complete', { lease_id: first[0]?.lease_id });
      expect(await claim({ claim_id: 'c1', max_tasks: 2 })).toEqual([first[1]]);
    });

    it('parks a poll until another connection enqueues', async () => {
      const poll = service.call('GET', '/tasks/next?wait=30');
      await until(() => service.app.get(WaitingRoom).size === 1);
      await enqueue('a');
      expect((await poll).body).toMatchObject({ eval_id: 'a' });
    });

    it('wakes one waiter for a task, the one that came first', async () => {
      const room = service.app.get(WaitingRoom);
      const polls: Promise<Answer>[] = [];
      const claims = countClaims(service.app.get(TaskStore));
      for (const worker of ['w1', 'w2', 'w3']) {
        polls.push(service.call('GET', `/tasks/next?wait=30&worker_id=${worker}`));
        // In the room, and told that there is nothing: whoever is still asking asks again for the task.
        await until(() => room.size === polls.length && claims.answered === polls.length);
      }
      await enqueue('a');
      expect((await polls[0])?.body).toMatchObject({ eval_id: 'a', worker_id: 'w1' });
      expect([claims.asked, room.size]).toEqual([4, 2]);
      await enqueue('b');
      await enqueue('c');
      expect((await Promise.all(polls)).map(({ body }) => body.eval_id)).toEqual(['a', 'b', 'c']);
    });

    it('answers null when the wait is over', async () => {
      expect((await service.call('GET', '/tasks/next?wait=0.05')).text).toBe('null');
      expect(await claim({ wait: 0.05 })).toEqual([]);
    });

    it('turns polls away when too many are parked', async () => {
      await service.close();
      service = await startApp({ MAX_PARKED_POLLS: '1' });
      const parked = service.call('GET', '/tasks/next?wait=30');
      await until(() => service.app.get(WaitingRoom).size === 1);
      const refused = await service.call('GET', '/tasks/next?wait=30');
      expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([
        429,
        'too_many_waiters',
        '1',
      ]);
      await enqueue('a');
      expect((await parked).status).toBe(200);
    });

    it('turns away reads that wait when too many are parked', async () => {
      await service.close();
      service = await startApp({ MAX_PARKED_POLLS: '1' });
      await enqueue('a');
      const parked = service.call('GET', '/tasks/a?wait=30');
      await until(() => service.app.get(FinishWaiters).size === 1);
      expect((await service.call('GET', '/tasks/a?wait=30')).body.code).toBe('too_many_waiters');
      expect((await service.call('GET', '/tasks/a')).status).toBe(200);
      await post('/tasks/a/cancel');
      expect((await parked).body.status).toBe('cancelled');
    });

    it('is refused while the service shuts down, and reports are taken', async () => {
      await enqueue('a');
      await enqueue('b');
      await claimOne();
      service.app.get(WaitingRoom).onModuleDestroy();
      const refused = await service.call('GET', '/tasks/next?wait=1');
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
      expect(refused.body).toMatchObject({ code: 'draining', applied: false });
      const results = [{ eval_id: 'a', status: 'completed' }];
      const { status, body } = await post('/tasks/complete', { results, claim: { worker_id: 'w1' } });
      expect([status, body.results, body.tasks]).toEqual([200, [{ index: 0, ...results[0] }], []]);
    });

    it('takes nothing for a poll that hung up while parked', async () => {
      const room = service.app.get(WaitingRoom);
      const socket = connect(service.port, '127.0.0.1');
      socket.write('GET /tasks/next?wait=30 HTTP/1.1\r\nHost: x\r\n\r\n');
      await until(() => room.size === 1);
      socket.destroy();
      await until(() => room.size === 0);
      await enqueue('a');
      expect(await see('a')).toMatchObject({ status: 'queued', attempt: 0, position: 1 });
    });

    it('takes a task back whose answer could not be written, and spends no budget', async () => {
      await enqueue('a', { max_interruptions: 0 });
      await enqueue('b');
      const store = service.app.get(TaskStore);
      const claimOfStore = store.claim.bind(store);
      const socket = connect(service.port, '127.0.0.1');
      const gone = new Promise((resolve) => socket.once('close', resolve));
      // The client goes away while its task is being leased.
      store.claim = async (request) => {
        socket.destroy();
        await gone;
        store.claim = claimOfStore;
        return claimOfStore(request);
      };
      socket.write('GET /tasks/next HTTP/1.1\r\nHost: x\r\n\r\n');
      await until(async () => (await see('a')).attempt === 1 && (await see('a')).status === 'queued');
      expect(await see('a')).toMatchObject({ position: 1, interruptions: 0, failures: 0 });
      expect((await service.call('GET', '/tasks/a/attempts')).body.attempts).toMatchObject([
        { attempt: 1, outcome: 'released' },
      ]);
      expect(await claimOne()).toMatchObject({ eval_id: 'a', attempt: 2 });
    });
  });

  describe('an answer that is lost', () => {
    /** Sends a claim on a connection of its own, which reads nothing. */
    function claimDeaf(request: string): Socket {
      const socket = connect(service.port, '127.0.0.1');
      socket.pause();
      socket.on('error', () => undefined);
      socket.write(request);
      return socket;
    }

    const countsIn = async () => (await service.call('GET', '/status')).body;

    it('in the middle is noticed, however it was asked for, and all of its tasks go back', async () => {
      const code = 'x'.repeat(1_000_000);
      for (let index = 0; index < 20; index += 1) await enqueue(`t${index}`, { code });
      const claimBody = (worker: string) => JSON.stringify({ worker_id: worker, max_tasks: 20 });
      const send = (path: string, body: string, version = '1.1') => {
        const head = `POST ${path} HTTP/${version}\r\nHost: x\r\nContent-Type: application/json\r\n`;
        return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
      };
      const results = [{ eval_id: 'none', status: 'completed' }];
      const bulk = JSON.stringify({ results, claim: { worker_id: 'w3', max_tasks: 20 } });
      const requests = [
        send('/tasks/claim', claimBody('w1')),
        send('/tasks/claim', claimBody('w2'), '1.0'),
        `GET /livez HTTP/1.1\r\nHost: x\r\n\r\n${send('/tasks/claim', claimBody('w4'))}`,
        send('/tasks/claim', claimBody('w5')).replace('Host: x', 'Host: x\r\nConnection: close'),
        send('/tasks/complete', bulk),
      ];
      for (const request of requests) {
        const socket = claimDeaf(request);
        await until(async () => (await countsIn()).processing === 20);
        socket.resetAndDestroy();
        await until(async () => (await countsIn()).queued === 20);
      }
    });

    it('never takes the lease from a call with the same claim_id that comes at once', async () => {
      await enqueue('a');
      for (let round = 0; round < 30; round += 1) {
        const body = JSON.stringify({ worker_id: 'w1', claim_id: `c${round}` });
        const head = 'POST /tasks/claim HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
        const socket = claimDeaf(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
        if (round % 2 === 0) await until(async () => (await see('a')).status === 'processing');
        socket.resetAndDestroy();
        const claims = await Promise.all([1, 2].map(() => claim({ claim_id: `c${round}`, wait: 5 })));
        const [lease, other] = claims.map(([task]) => task?.lease_id);
        expect(lease).toBe(other);
        expect((await post('/tasks/a/heartbeat', { lease_id: lease })).status).toBe(200);
        expect((await post('/tasks/a/release', { lease_id: lease })).status).toBe(200);
      }
    });
  });

  /** Counts the claims that reach the store. */
  function countClaims(store: TaskStore): { asked: number; answered: number } {
    const claims = { asked: 0, answered: 0 };
    const claimOfStore = store.claim.bind(store);
    store.claim = async (request) => {
      claims.asked += 1;
      const claimed = await claimOfStore(request);
      claims.answered += 1;
      return claimed;
    };
    return claims;
  }

  describe('a held task', () => {
    it('is kept by heartbeats, which show progress', async () => {
      await enqueue('a');
      const { lease_id } = await claimOne({ lease: 10 });
      service.clock.advance(9_000);
      const beat = await post('/tasks/a/heartbeat', {
        lease_id,
        progress: { percent: 40, message: 'compiling' },
      });
      expect(beat.body).toEqual({
        lease_expires_at: '2026-01-01T00:00:19.000Z',
        command: null,
        heartbeat_interval: 3.333,
      });
      expect(await see('a')).toMatchObject({
        progress: { percent: 40, message: 'compiling' },
        lease_expires_at: '2026-01-01T00:00:19.000Z',
      });
      const longer = await post('/tasks/a/heartbeat', { lease_id, extend: 60 });
      expect(longer.body.lease_expires_at).toBe('2026-01-01T00:01:09.000Z');
      service.clock.advance(59_999);
      await service.sweep();
      expect(await see('a')).toMatchObject({ status: 'processing' });
    });

    it.each(['heartbeat', 'complete', 'fail', 'release'])('is not for a lost lease to %s', async (verb) => {
      const lost = async (id: string, lease_id: unknown) => {
        const { status, body } = await post(`/tasks/${id}/${verb}`, { lease_id });
        return [status, body.code, body.reason];
      };
      await enqueue('a');
      const { lease_id } = await claimOne({ lease: 10 });
      service.clock.advance(10_000);
      expect(await lost('a', lease_id)).toEqual([409, 'lease_lost', 'expired']);
      await service.sweep();
      expect(await lost('a', lease_id)).toEqual([409, 'lease_lost', 'expired']);
      const second = await claimOne();
      expect(await lost('a', lease_id)).toEqual([409, 'lease_lost', 'reassigned']);
      await post('/tasks/a/cancel');
      expect(await lost('a', second.lease_id)).toEqual([409, 'lease_lost', 'cancelled']);
      expect(await lost('a', 'made-up-lease')).toEqual([409, 'lease_lost', 'reassigned']);
    });

    it('ends with a clear, and its holder is told so', async () => {
      await enqueue('a');
      const { lease_id } = await claimOne();
      await service.call('DELETE', '/tasks');
      const cleared = { code: 'lease_lost', reason: 'cleared' };
      for (const verb of ['heartbeat', 'release', 'complete', 'fail']) {
        const { status, body } = await post(`/tasks/a/${verb}`, { lease_id });
        expect([verb, status, body]).toMatchObject([verb, 409, cleared]);
        expect((await post(`/tasks/a/${verb}`, { lease_id: 'made-up-lease' })).status).toBe(404);
      }
      const results = ['completed', 'failed'].map((status) => ({ eval_id: 'a', lease_id, status }));
      const bulk = await post('/tasks/complete', {
        results: [...results, { eval_id: 'a', status: 'failed' }],
      });
      expect(bulk.body.results).toMatchObject([
        { problem: { status: 409, ...cleared } },
        { problem: { status: 409, ...cleared } },
        { problem: { status: 404 } },
      ]);
      const beats = await post('/tasks/heartbeat', { worker_id: 'w1', leases: [{ eval_id: 'a', lease_id }] });
      expect(beats.body.results).toMatchObject([{ problem: cleared }]);
      expect((await post('/tasks/a/complete')).status).toBe(404);
    });

    it('ends with a clear, also when another task has taken its name', async () => {
      await enqueue('a');
      const { lease_id } = await claimOne();
      await service.call('DELETE', '/tasks');
      await enqueue('a');
      for (const verb of ['heartbeat', 'release', 'complete', 'fail']) {
        const { body } = await post(`/tasks/a/${verb}`, { lease_id });
        expect([verb, body]).toMatchObject([verb, { code: 'lease_lost', reason: 'cleared' }]);
      }
      expect(await see('a')).toMatchObject({ status: 'queued', attempt: 0 });
    });

    it('goes back to its place when it is released', async () => {
      await enqueue('a');
      await enqueue('b');
      const { lease_id } = await claimOne();
      const released = await post('/tasks/a/release', { lease_id, reason: 'node drained' });
      expect(released.body).toEqual({ eval_id: 'a', status: 'queued' });
      expect(await see('a')).toMatchObject({
        position: 1,
        interruptions: 0,
        failures: 0,
        error: 'node drained',
      });
      expect((await post('/tasks/a/release', { lease_id })).status).toBe(200);
      expect((await post('/tasks/a/release')).body.code).toBe('lease_required');
    });

    it('spends failures and lost leases from two budgets', async () => {
      await enqueue('a', { max_attempts: 2, max_interruptions: 1 });
      await claimOne();
      await post('/tasks/a/fail', { outcome: 'lost' });
      expect(await see('a')).toMatchObject({ status: 'queued', interruptions: 1, failures: 0 });
      await claimOne();
      await post('/tasks/a/fail', { error: 'e1', retry_after: 0 });
      expect(await see('a')).toMatchObject({ status: 'queued', interruptions: 1, failures: 1 });
      await claimOne({ lease: 1 });
      service.clock.advance(1_000);
      await service.sweep();
      expect(await see('a')).toMatchObject({
        status: 'failed',
        outcome: 'lost',
        interruptions: 2,
        failures: 1,
      });
      const { body } = await service.call('GET', '/tasks/a/attempts');
      expect((body.attempts as Body[]).map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
        [1, 'lost'],
        [2, 'failed'],
        [3, 'lost'],
      ]);
    });

    it('is not tried again when the worker says so', async () => {
      await enqueue('a', { max_attempts: 5 });
      await claimOne();
      expect((await post('/tasks/a/fail', { retryable: false })).body.status).toBe('failed');
    });
  });

  describe('bulk calls', () => {
    it('beat for all leases of a worker', async () => {
      for (const id of ['a', 'b']) await enqueue(id);
      const [a, b] = await claim({ max_tasks: 2, lease: 10 });
      await post('/tasks/b/complete', { lease_id: b?.lease_id });
      service.clock.advance(5_000);
      const leases = [a, b].map((task) => ({ eval_id: task?.eval_id, lease_id: task?.lease_id }));
      const { body } = await post('/tasks/heartbeat', { worker_id: 'w1', leases });
      expect(body.results).toMatchObject([
        { eval_id: 'a', lease_expires_at: '2026-01-01T00:00:15.000Z', command: null },
        { eval_id: 'b', problem: { code: 'lease_lost', status: 409 } },
      ]);
    });

    it('report many results in one commit and claim the next tasks', async () => {
      for (const id of ['a', 'b', 'c', 'd']) await enqueue(id);
      const [a, b] = await claim({ max_tasks: 2 });
      const text = `{"results":[
      {"eval_id":"a","lease_id":"${String(a?.lease_id)}","status":"completed","output":[1.0]},
      {"eval_id":"b","lease_id":"${String(b?.lease_id)}","status":"failed","error":"no"},
      {"eval_id":"c","lease_id":"made-up-lease","status":"completed"},
      {"eval_id":"nobody","lease_id":"made-up-lease","status":"completed"},
      {"eval_id":"d"}],
      "claim":{"worker_id":"w1","max_tasks":1}}`;
      const { status, body } = await service.call('POST', '/tasks/complete', { body: text });
      expect(status).toBe(200);
      expect(body.results).toMatchObject([
        { index: 0, eval_id: 'a', status: 'completed' },
        { index: 1, eval_id: 'b', status: 'failed' },
        { index: 2, problem: { code: 'lease_lost' } },
        { index: 3, problem: { code: 'task_not_found' } },
        { index: 4, problem: { code: 'invalid_request' } },
      ]);
      expect(body.tasks).toMatchObject([{ eval_id: 'c', attempt: 1 }]);
      expect((await service.call('GET', '/tasks/a/output')).text).toBe('[1.0]');
    });
  });
});
