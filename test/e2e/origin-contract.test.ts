import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describeStores } from '../support/describe-stores.js';
import { exchange } from '../support/raw-exchange.js';
import type { TestApp } from '../support/test-app.js';

let service: TestApp;

function enqueue(id: string, fields: object = {}) {
  return service.call('POST', '/tasks', { body: { eval_id: id, code: `print("${id}")`, ...fields } });
}

async function next(): Promise<string | null> {
  const { text, body } = await service.call('GET', '/tasks/next');
  return text === 'null' ? null : String(body.eval_id);
}

async function raw(head: string): Promise<string> {
  const { bytes } = await exchange(
    service.port,
    Buffer.from(`${head}\r\nHost: x\r\nConnection: close\r\n\r\n`),
  );
  return bytes.toString();
}

describeStores(({ name, startApp }) => {
  beforeEach(async () => {
    service = await startApp();
  });

  afterEach(async () => {
    await service.close();
  });

  describe('POST /tasks', () => {
    it('answers 201 with id, state, position and Location', async () => {
      const first = await enqueue('a');
      expect([first.status, first.headers.get('location')]).toEqual([201, '/tasks/a']);
      expect(first.body).toMatchObject({ eval_id: 'a', status: 'queued', position: 1 });
      expect((await enqueue('b')).body).toMatchObject({ eval_id: 'b', status: 'queued', position: 2 });
    });

    it('fills in what the origin filled in, and ignores fields it does not know', async () => {
      await enqueue('a', { whatever: [1], nested: { code: 'no' } });
      const { body } = await service.call('GET', '/tasks/next');
      expect(body).toMatchObject({ language: 'python', engine: 'docker', timeout: 30, priority: 1 });
      expect(body).toMatchObject({ eval_id: 'a', code: 'print("a")' });
      expect(body).not.toHaveProperty('whatever');
    });

    it('puts higher priority first and keeps the order within', async () => {
      for (const [id, priority] of Object.entries({ a: 1, b: 5, c: 1, d: 5, e: -3 }))
        await enqueue(id, { priority });
      expect(await Promise.all([1, 2, 3, 4, 5].map(next))).toEqual(['b', 'd', 'a', 'c', 'e']);
    });
  });

  describe('GET /tasks/next', () => {
    it('answers the JSON body null when nothing is ready', async () => {
      const answer = await raw('GET /tasks/next HTTP/1.1');
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(answer).toMatch(/\r\nContent-Type: application\/json\r\n/);
      expect(answer).toMatch(/\r\nContent-Length: 4\r\n/);
      expect(answer).toMatch(/\r\n\r\nnull$/);
    });

    it('is never cached, whatever the conditional headers say', async () => {
      await enqueue('a');
      const answer = await raw(
        'GET /tasks/next HTTP/1.1\r\nIf-None-Match: *\r\nIf-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT',
      );
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(answer).toMatch(/\r\nCache-Control: no-store\r\n/);
      expect(answer).toContain('"eval_id":"a"');
    });

    it('is not claimed by HEAD, another case or a trailing slash', async () => {
      await enqueue('a');
      const head = await raw('HEAD /tasks/next HTTP/1.1');
      expect(head).toMatch(/^HTTP\/1\.1 405 /);
      expect(head).toMatch(/\r\nAllow: GET\r\n/);
      expect(await raw('GET /TASKS/NEXT HTTP/1.1')).toMatch(/^HTTP\/1\.1 404 /);
      expect(await raw('GET /tasks/next/ HTTP/1.1')).toMatch(/^HTTP\/1\.1 404 /);
      expect((await service.call('GET', '/status')).body).toMatchObject({ queued: 1, processing: 0 });
    });
  });

  describe('GET /tasks/{eval_id}', () => {
    it('has a position only while the task is queued', async () => {
      await enqueue('a');
      await enqueue('b');
      const seen = async (id: string) => (await service.call('GET', `/tasks/${id}`)).body;
      expect(await seen('b')).toMatchObject({ eval_id: 'b', status: 'queued', position: 2 });
      await next();
      expect(await seen('a')).toMatchObject({ status: 'processing', position: null });
      expect(await seen('b')).toMatchObject({ status: 'queued', position: 1 });
      await service.call('POST', '/tasks/a/complete');
      const done = await seen('a');
      expect(done).toMatchObject({ status: 'completed', position: null });
      expect(Date.parse(String(done.queued_at))).toBe(service.clock.now().wall);
      expect(String(done.message)).not.toBe('');
    });

    it('is 404 for a task that is not there', async () => {
      const { status, body, headers } = await service.call('GET', '/tasks/nobody');
      expect([status, body.code, headers.get('content-type')]).toEqual([
        404,
        'task_not_found',
        'application/problem+json',
      ]);
    });
  });

  describe('complete and fail', () => {
    it('answer the same again, and 409 to the other', async () => {
      await enqueue('a');
      await next();
      const done = { status: 200, text: '{"eval_id":"a","status":"completed"}' };
      expect(
        await service.call('POST', '/tasks/a/complete', { body: { output: 1, more: true } }),
      ).toMatchObject(done);
      expect(await service.call('POST', '/tasks/a/complete', { body: {} })).toMatchObject(done);
      expect(await service.call('POST', '/tasks/a/fail')).toMatchObject({ status: 409 });
      expect((await service.call('GET', '/tasks/a')).body).toMatchObject({ sequence: 3 });

      await enqueue('b');
      await next();
      const dead = { status: 200, text: '{"eval_id":"b","status":"failed"}' };
      expect(await service.call('POST', '/tasks/b/fail', { body: { error: 'no' } })).toMatchObject(dead);
      expect(await service.call('POST', '/tasks/b/fail', { body: { error: 'no' } })).toMatchObject(dead);
      expect(await service.call('POST', '/tasks/b/complete')).toMatchObject({ status: 409 });
      expect((await service.call('GET', '/tasks/b')).body).toMatchObject({ sequence: 3, error: 'no' });
    });

    it('are 404 for an unknown task and 409 for one that was never claimed', async () => {
      await enqueue('a');
      for (const verb of ['complete', 'fail']) {
        expect(await service.call('POST', `/tasks/nobody/${verb}`)).toMatchObject({ status: 404 });
        const refused = await service.call('POST', `/tasks/a/${verb}`);
        expect([refused.status, refused.body.code]).toEqual([409, 'not_claimed']);
      }
    });

    it('tell when a retry follows', async () => {
      await enqueue('a', { max_attempts: 3, backoff: { type: 'fixed', delay: 2, jitter: 0 } });
      await next();
      expect((await service.call('POST', '/tasks/a/fail')).body).toEqual({ eval_id: 'a', status: 'delayed' });
      expect(await next()).toBeNull();
      service.clock.advance(2_000);
      await service.sweep();
      expect(await next()).toBe('a');
      expect((await service.call('POST', '/tasks/a/fail', { body: { retry_after: 0 } })).body.status).toBe(
        'queued',
      );
    });
  });

  describe('a worker that knows no leases', () => {
    it('loses nothing when it crashes: its task goes out again after timeout and grace', async () => {
      await enqueue('a', { timeout: 10 });
      await next();
      service.clock.advance(39_999);
      await service.sweep();
      expect(await next()).toBeNull();
      service.clock.advance(1);
      await service.sweep();
      expect(await next()).toBe('a');
      expect((await service.call('GET', '/tasks/a')).body).toMatchObject({
        attempt: 2,
        interruptions: 1,
        failures: 0,
      });
    });

    it('may report late when nobody holds the task', async () => {
      await enqueue('a', { timeout: 10 });
      await next();
      service.clock.advance(40_000);
      await service.sweep();
      expect((await service.call('POST', '/tasks/a/complete')).body).toEqual({
        eval_id: 'a',
        status: 'completed',
      });
      expect(await next()).toBeNull();
    });

    it('may report late what another worker has reported', async () => {
      await enqueue('a', { timeout: 10 });
      await next();
      service.clock.advance(40_000);
      await service.sweep();
      expect(await next()).toBe('a');
      const done = { status: 200, text: '{"eval_id":"a","status":"completed"}' };
      expect(await service.call('POST', '/tasks/a/complete', { body: { output: 1 } })).toMatchObject(done);
      expect(await service.call('POST', '/tasks/a/complete', { body: { output: 2 } })).toMatchObject(done);
      expect((await service.call('GET', '/tasks/a/output')).text).toBe('1');
      expect((await service.call('POST', '/tasks/a/fail')).status).toBe(409);
    });

    it('is refused under REQUIRE_LEASE_ID', async () => {
      await service.close();
      service = await startApp({ REQUIRE_LEASE_ID: 'true' });
      await enqueue('a');
      const { body: task } = await service.call('GET', '/tasks/next');
      const refused = await service.call('POST', '/tasks/a/complete');
      expect([refused.status, refused.body.code]).toEqual([422, 'lease_required']);
      const done = await service.call('POST', '/tasks/a/complete', { body: { lease_id: task.lease_id } });
      expect(done.status).toBe(200);
    });
  });

  describe('the rest of the origin', () => {
    it('tells its health without a key', async () => {
      await service.close();
      service = await startApp({ API_KEY: 'secret-key' });
      const { status, body } = await service.call('GET', '/health');
      expect(status).toBe(200);
      expect(body).toEqual({
        status: 'healthy',
        service: 'queue',
        queue_size: 0,
        total_tasks: 0,
        redis: name === 'redis' ? (expect.stringMatching(/^(dis)?connected$/) as string) : 'disconnected',
        version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
        uptime: expect.any(Number) as number,
      });
      expect((await service.call('GET', '/livez')).status).toBe(200);
      expect((await service.call('GET', '/readyz')).status).toBe(200);
    });

    it('wants the key before it looks anything up, in either header', async () => {
      await service.close();
      service = await startApp({ API_KEY: 'secret-key' });
      expect((await service.call('GET', '/tasks/nobody')).status).toBe(401);
      expect((await service.call('GET', '/tasks/nobody', { key: 'secret-kex' })).status).toBe(401);
      expect((await service.call('GET', '/tasks/nobody', { key: 'secret-key' })).status).toBe(404);
      const bearer = { Authorization: 'Bearer secret-key' };
      expect((await service.call('GET', '/tasks/nobody', { headers: bearer })).status).toBe(404);
    });

    it('counts tasks by state and queue', async () => {
      await enqueue('a');
      await enqueue('b', { queue: 'other', delay: 60 });
      service.clock.advance(1_500);
      const { body } = await service.call('GET', '/status');
      expect(body).toMatchObject({
        queued: 1,
        delayed: 1,
        processing: 0,
        completed: 0,
        failed: 0,
        cancelled: 0,
        expired: 0,
      });
      expect(body).toMatchObject({ queue_length: 1, total_tasks: 2, oldest_queued_age: 1.5 });
      expect(body.queues).toMatchObject({
        default: { queued: 1 },
        other: { delayed: 1, oldest_queued_age: null },
      });
    });

    it('forgets everything on DELETE, and ends all leases', async () => {
      await enqueue('a');
      await enqueue('b');
      await next();
      expect((await service.call('DELETE', '/tasks')).body).toEqual({ status: 'cleared', tasks_removed: 2 });
      expect((await service.call('POST', '/tasks/a/complete')).status).toBe(404);
      expect((await service.call('GET', '/status')).body).toMatchObject({ total_tasks: 0 });
      expect((await enqueue('a')).status).toBe(201);
    });

    it('serves curl', async () => {
      const curl = async (...args: string[]) => {
        const { stdout } = await promisify(execFile)('curl', ['-s', ...args]);
        return stdout;
      };
      const body = '{"eval_id":"a","code":"print(1)"}';
      const json = ['-H', 'Content-Type: application/json'];
      expect(await curl(`${service.url}/tasks`, ...json, '-d', body, '-w', ' %{http_code}')).toMatch(
        /"queued".* 201$/,
      );
      expect(await curl(`${service.url}/tasks/next`)).toContain('"code":"print(1)"');
      expect(await curl('-X', 'POST', `${service.url}/tasks/a/complete`)).toBe(
        '{"eval_id":"a","status":"completed"}',
      );
      expect(await curl(`${service.url}/tasks/next`)).toBe('null');
    });
  });
});
