import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AttemptFailed,
  Client,
  Conflict,
  ConnectionFailed,
  InvalidRequest,
  LeaseLost,
  NotFound,
  PermanentError,
  RetryLater,
  TaskStopped,
  Unauthorized,
  Unavailable,
  WaitTimeout,
  Worker,
  type WorkerEvent,
} from '../../src/client/index.js';
import { ServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';

const API_KEY = 'a-key-for-the-test-of-the-client';

describe('the TypeScript client', () => {
  const folder = mkdtempSync(join(tmpdir(), 'crucible-client-'));
  let service: ServiceProcess;
  let client: Client;

  beforeAll(async () => {
    service = await ServiceProcess.start({ DATA_DIR: folder, API_KEY });
    client = new Client({ url: service.url, apiKey: API_KEY });
  });

  afterAll(async () => {
    await service.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(() => client.clear({ all: true }));

  it('takes a task through its life', async () => {
    const enqueued = await client.enqueue({ eval_id: 'life', code: 'print(1)', max_attempts: 2 });
    expect(enqueued).toMatchObject({ eval_id: 'life', status: 'queued', position: 1 });
    const [first] = await client.claim({ worker_id: 'w' });
    if (first === undefined) throw new Error('A task is ready');
    expect(await client.heartbeat(first, { progress: { percent: 40 } })).toMatchObject({ command: null });
    expect((await client.get('life')).progress).toEqual({ percent: 40 });
    expect(await client.fail(first, { error: 'no', retry_after: 0 })).toMatchObject({ status: 'queued' });
    const [second] = await client.claim({ worker_id: 'w' });
    if (second === undefined) throw new Error('It is ready again');
    expect(await client.release(second)).toMatchObject({ status: 'queued' });
    const [third] = await client.claim({ worker_id: 'w' });
    if (third === undefined) throw new Error('It is ready again');
    expect(await client.complete(third, { stdout: '1\n' })).toMatchObject({ status: 'completed' });
    expect(await client.complete(third, { stdout: '1\n' })).toMatchObject({ status: 'completed' });
    expect(await client.output('life')).toEqual({ stdout: '1\n' });
    const outcomes = (await client.attempts('life')).map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['failed', 'released', 'completed']);
  });

  it('saves checkpoints of many tasks with one heartbeat, and no old one', async () => {
    for (const eval_id of ['a', 'b']) await client.enqueue({ eval_id, code: 'x' });
    const claim = async () => {
      const tasks = await client.claim({ worker_id: 'w', max_tasks: 2 });
      return tasks.toSorted((one, other) => one.eval_id.localeCompare(other.eval_id));
    };
    const first = await claim();
    const beats = new Map(
      first.map(({ eval_id: id }) => [id, { checkpoint: `${id}1`, progress: { percent: 9 } }]),
    );
    const { results } = await client.heartbeatAll('w', first, { beats });
    expect(results.filter((item) => 'problem' in item)).toEqual([]);
    for (const task of first) await client.release(task);
    const second = await claim();
    expect(second.map(({ checkpoint }) => checkpoint)).toEqual(['a1', 'b1']);
    const [one, other] = second;
    if (one === undefined || other === undefined) throw new Error('Two tasks are ready');
    await client.heartbeat(one, { checkpoint: 'a2' });
    // The tasks still carry what their claim brought.
    await client.heartbeatAll('w', second, { beats: new Map([['b', { checkpoint: 'b2' }]]) });
    for (const task of second) await client.release(task);
    expect((await claim()).map(({ checkpoint }) => checkpoint)).toEqual(['a2', 'b2']);
  });

  it('keeps the digits of an output that no number holds', async () => {
    await client.enqueue({ eval_id: 'digits', code: 'x' });
    const [task] = await client.claim({ worker_id: 'w' });
    const body = `{"lease_id":"${task?.lease_id ?? ''}","output":[9007199254740993,1.0]}`;
    await client.request({
      method: 'POST',
      path: 'tasks/digits/complete',
      text: { type: 'application/json', content: body },
    });
    expect(await client.outputText('digits')).toBe('[9007199254740993,1.0]');
  });

  it('makes one task of the same id, and tells other content apart', async () => {
    await client.enqueue({ eval_id: 'same', code: 'x' });
    await client.enqueue({ eval_id: 'same', code: 'x' });
    await expect(client.enqueue({ eval_id: 'same', code: 'y' })).rejects.toThrow(Conflict);
    expect(await client.status()).toMatchObject({ total_tasks: 1 });
  });

  it('tells errors apart by class and code', async () => {
    await expect(client.get('unknown')).rejects.toMatchObject({ code: 'task_not_found', status: 404 });
    await expect(client.get('unknown')).rejects.toThrow(NotFound);
    await expect(client.enqueue({ code: 'x', timeout: 0 })).rejects.toThrow(InvalidRequest);
    await expect(client.enqueue({ code: 'x', timeout: 0 })).rejects.toMatchObject({
      errors: [{ pointer: '/timeout' }],
    });
    await expect(new Client({ url: service.url }).status()).rejects.toThrow(Unauthorized);
    await client.enqueue({ eval_id: 'held', code: 'x' });
    const [task] = await client.claim({ worker_id: 'w' });
    await client.cancel('held', { reason: 'enough' });
    await expect(client.complete(task ?? { eval_id: '', lease_id: '' })).rejects.toThrow(LeaseLost);
    await expect(client.wait('held')).resolves.toMatchObject({ status: 'cancelled' });
  });

  it('lists all pages', async () => {
    const tasks = Array.from({ length: 25 }, (_, index) => ({ eval_id: `page-${index}`, code: 'x' }));
    for await (const { accepted } of client.enqueueAll(tasks, { size: 10 }))
      expect(accepted).toBeLessThan(11);
    const listed = [];
    for await (const task of client.list({ status: ['queued'], limit: 10 })) listed.push(task.eval_id);
    expect(listed.sort()).toEqual(tasks.map(({ eval_id }) => eval_id).sort());
  });

  it('waits no longer than it was told to', async () => {
    await client.enqueue({ eval_id: 'long', code: 'x' });
    await expect(client.wait('long', { timeout: 0.05 })).rejects.toThrow(WaitTimeout);
  });

  it('ends a call with the signal of its caller', async () => {
    const controller = new AbortController();
    await client.enqueue({ eval_id: 'long', code: 'x' });
    const waiting = client.wait('long', { signal: controller.signal });
    controller.abort(new Error('No more interest'));
    await expect(waiting).rejects.toThrow('No more interest');
  });

  it('tells that nobody answers', async () => {
    const nobody = new Client({ url: 'http://127.0.0.1:9', patience: 0 });
    await expect(nobody.status()).rejects.toThrow(ConnectionFailed);
  });

  it('runs handlers and reports what became of them', async () => {
    await client.enqueue({ eval_id: 'value', code: 'value' });
    await client.enqueue({ eval_id: 'error', code: 'error' });
    await client.enqueue({ eval_id: 'permanent', code: 'permanent', max_attempts: 3 });
    await client.enqueue({ eval_id: 'later', code: 'later', max_attempts: 2 });
    await client.enqueue({ eval_id: 'circle', code: 'circle', max_attempts: 3 });
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    const worker = new Worker(
      client,
      ({ code }) => {
        if (code === 'value') return { answer: 42 };
        if (code === 'error') throw new AttemptFailed('broken', 7);
        if (code === 'permanent') throw new PermanentError('never', 65);
        if (code === 'later') throw new RetryLater(3600, 'busy');
        return circle;
      },
      { concurrency: 3 },
    );
    expect(await worker.run({ untilEmpty: true })).toEqual({ completed: 1, failed: 4, released: 0, lost: 0 });
    expect(await client.output('value')).toEqual({ answer: 42 });
    expect(await client.get('error')).toMatchObject({ status: 'failed', error: 'broken', exit_code: 7 });
    expect(await client.get('permanent')).toMatchObject({ status: 'failed', failures: 1, exit_code: 65 });
    expect(await client.get('later')).toMatchObject({ status: 'delayed', error: 'busy' });
    expect(await client.get('circle')).toMatchObject({ status: 'failed', failures: 1 });
  });

  it('takes what it has the labels for, from queues by weight', async () => {
    await client.enqueue({ eval_id: 'gpu', code: 'x', queue: 'a', requires: { gpu: 'a100' } });
    await client.enqueue({ eval_id: 'plain', code: 'x', queue: 'b' });
    const queues = { a: 3, b: 1 };
    const done: string[] = [];
    for (const labels of [undefined, { gpu: 'a100' }])
      await new Worker(client, ({ eval_id }) => void done.push(eval_id), { queues, labels }).run({
        untilEmpty: true,
      });
    expect(done).toEqual(['plain', 'gpu']);
  });

  it('stops a task at its deadline', async () => {
    await client.enqueue({ eval_id: 'slow', code: 'x', timeout: 1 });
    const reasons: unknown[] = [];
    const worker = new Worker(client, (_, { signal }) => stopOf(signal, reasons));
    await worker.run({ maxTasks: 1 });
    expect(reasons).toMatchObject([{ code: 'deadline' }]);
    expect(await client.get('slow')).toMatchObject({ status: 'failed', outcome: 'failed' });
  });

  it('leaves a handler behind that does not end when told to', async () => {
    await client.enqueue({ eval_id: 'stuck', code: 'x', timeout: 1 });
    const worker = new Worker(client, () => new Promise(() => undefined), { abandonAfter: 0.05 });
    expect(await worker.run({ maxTasks: 1 })).toMatchObject({ failed: 1 });
  });

  it('finishes what it holds when it is stopped, and gives it back when that takes too long', async () => {
    await client.enqueue({ eval_id: 'quick', code: 'quick' });
    await client.enqueue({ eval_id: 'slow', code: 'slow' });
    await client.enqueue({ eval_id: 'third', code: 'quick' });
    const reasons: unknown[] = [];
    const begun: string[] = [];
    let finish: () => void = () => undefined;
    const worker = new Worker(
      client,
      ({ eval_id: id, code }, { signal }) => {
        begun.push(id);
        return code === 'quick'
          ? new Promise<void>((resolve) => (finish = resolve))
          : stopOf(signal, reasons);
      },
      { concurrency: 2 },
    );
    const summary = worker.run();
    // Not when the service has handed them out: a stopped worker gives back what it has not begun.
    await until(() => begun.length === 2);
    const stopped = worker.stop();
    finish();
    await until(async () => (await client.get('quick')).status === 'completed');
    await worker.stop({ grace: 0 });
    await stopped;
    expect(await summary).toEqual({ completed: 1, failed: 0, released: 1, lost: 0 });
    expect(reasons).toMatchObject([{ code: 'shutdown' }]);
    expect(await client.get('slow')).toMatchObject({ status: 'queued', interruptions: 0, failures: 0 });
    expect(await client.get('third')).toMatchObject({ status: 'queued', attempt: 0 });
  });

  it('leaves alone what it reports when it is stopped', async () => {
    await client.enqueue({ eval_id: 'reported', code: 'x' });
    const events: WorkerEvent[] = [];
    let letGo: () => void = () => undefined;
    const isOpen = new Promise<void>((resolve) => (letGo = resolve));
    const slow: typeof fetch = async (input, init) => {
      if (input instanceof URL && input.pathname.endsWith('/complete')) {
        void worker.stop({ grace: 0 });
        await isOpen;
      }
      return fetch(input, init);
    };
    const options = { onEvent: (event: WorkerEvent) => events.push(event), heartbeatThread: false };
    const worker = new Worker({ url: service.url, apiKey: API_KEY, fetch: slow }, () => 'done', options);
    const summary = worker.run();
    await until(() => events.some(({ type }) => type === 'draining'));
    letGo();
    expect(await summary).toEqual({ completed: 1, failed: 0, released: 0, lost: 0 });
    expect(events.map(({ type }) => type)).toEqual(['claimed', 'draining', 'completed']);
    expect(events.at(-1)?.error).toBeUndefined();
  });

  it('stops on a signal with a grace, and listens to none when it has ended', async () => {
    const before = process.listenerCount('SIGHUP');
    await client.enqueue({ eval_id: 'quick', code: 'x' });
    await client.enqueue({ eval_id: 'slow', code: 'x' });
    const begun: string[] = [];
    const worker = new Worker(
      client,
      async ({ eval_id: id }, { signal }) => {
        begun.push(id);
        if (begun.length === 2) process.emit('SIGHUP', 'SIGHUP');
        if (id === 'slow') await stopOf(signal, []);
      },
      { concurrency: 2 },
    );
    const summary = await worker.run({ signals: ['SIGHUP'], grace: 0.05 });
    expect(summary).toMatchObject({ completed: 1, released: 1 });
    expect(await client.get('slow')).toMatchObject({ status: 'queued', failures: 0 });
    expect(process.listenerCount('SIGHUP')).toBe(before);
  });

  it('keeps a lease that is shorter than the work, and stops when the task is cancelled', async () => {
    await client.enqueue({ eval_id: 'kept', code: 'x' });
    const reasons: unknown[] = [];
    const events: WorkerEvent['type'][] = [];
    const worker = new Worker(client, (_, { signal }) => stopOf(signal, reasons), {
      lease: 6,
      onEvent: ({ type }) => {
        // A heartbeat that is answered late is tried again.
        if (type !== 'trouble' && type !== 'recovered') events.push(type);
      },
    });
    const summary = worker.run({ maxTasks: 1 });
    await until(async () => (await client.get('kept')).status === 'processing');
    const { lease_expires_at: first } = await client.get('kept');
    await until(async () => (await client.get('kept')).lease_expires_at !== first);
    await client.cancel('kept');
    expect(await summary).toMatchObject({ lost: 1 });
    expect(reasons).toMatchObject([{ code: 'cancelled' }]);
    expect(events).toEqual(['claimed', 'stopped', 'lost']);
    expect(await client.get('kept')).toMatchObject({ interruptions: 0 });
  });

  it('shows how far the work is', async () => {
    await client.enqueue({ eval_id: 'far', code: 'x' });
    const worker = new Worker(client, async (_, { progress }) => {
      await Promise.all([progress({ percent: 1 }), progress({ percent: 2 }), progress({ percent: 3 })]);
      await until(async () => (await client.get('far')).progress?.percent === 3);
      return 'seen';
    });
    await worker.run({ maxTasks: 1 });
    expect(await client.output('far')).toBe('seen');
  });

  it('outlasts a key that is refused, and says so once', async () => {
    const errors: unknown[] = [];
    const refused = { url: service.url, apiKey: 'wrong' };
    const worker = new Worker(refused, () => undefined, { onEvent: ({ error }) => void errors.push(error) });
    const ended = worker.run();
    await until(() => errors.length > 0);
    await worker.stop();
    expect(await ended).toMatchObject({ completed: 0 });
    expect(errors[0]).toBeInstanceOf(Unauthorized);
  });
});

describe('a call that fails at first', () => {
  let server: Server;
  let answers: { status: number; body: object | string; retryAfter?: string }[];
  let seen: string[];
  let baseUrl: string;
  let client: Client;

  beforeEach(async () => {
    seen = [];
    server = createServer((request, response) => {
      seen.push(`${request.method ?? ''} ${request.url ?? ''}`);
      const { status, body, retryAfter } = answers.shift() ?? { status: 200, body: {} };
      if (retryAfter !== undefined) response.setHeader('Retry-After', retryAfter);
      response
        .writeHead(status, { 'Content-Type': 'application/json' })
        .end(typeof body === 'string' ? body : JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    baseUrl = `http://127.0.0.1:${port}/below`;
    client = new Client({ url: baseUrl, patience: 20 });
  });

  afterEach(() => new Promise((resolve) => server.close(resolve)));

  it('is sent again until it is answered', async () => {
    answers = [
      { status: 503, body: { code: 'store_unavailable', applied: 'unknown' }, retryAfter: '0' },
      { status: 429, body: { code: 'rate_limited' }, retryAfter: '0' },
      { status: 201, body: { eval_id: 'a', status: 'queued' } },
    ];
    expect(await client.enqueue({ eval_id: 'a', code: 'x' })).toEqual({ eval_id: 'a', status: 'queued' });
    expect(seen).toEqual(Array(3).fill('POST /below/tasks'));
  });

  it('is sent again when what came is no answer of the service', async () => {
    answers = [
      { status: 200, body: '<html>Sign in to the network' },
      { status: 200, body: { total_tasks: 1 } },
    ];
    expect(await client.status()).toEqual({ total_tasks: 1 });
    answers = [{ status: 200, body: '{"half' }];
    await expect(new Client({ url: baseUrl, patience: 0 }).status()).rejects.toThrow(ConnectionFailed);
  });

  it('brings a worker that is to drain the tasks that it still holds', async () => {
    const task = (id: string) => ({
      eval_id: id,
      lease_id: id,
      timeout: 30,
      heartbeat_interval: 20,
      code: 'x',
    });
    answers = [
      { status: 503, body: { code: 'store_unavailable', applied: 'unknown' }, retryAfter: '0' },
      { status: 200, body: { tasks: [task('gone'), task('held')], command: 'drain' } },
      {
        status: 200,
        body: {
          results: [
            { index: 0, eval_id: 'gone', problem: { code: 'lease_lost', status: 409 } },
            { index: 1, eval_id: 'held', heartbeat_interval: 20 },
          ],
        },
      },
      { status: 200, body: { eval_id: 'held', status: 'completed' } },
    ];
    const done: string[] = [];
    const worker = new Worker(client, ({ eval_id }) => void done.push(eval_id), { concurrency: 2 });
    expect(await worker.run()).toEqual({ completed: 1, failed: 0, released: 0, lost: 0 });
    expect(done).toEqual(['held']);
    const [claim, heartbeat, complete] = ['claim', 'heartbeat', 'held/complete'].map(
      (path) => `POST /below/tasks/${path}`,
    );
    expect(seen.filter((call) => !call.endsWith('/leave'))).toEqual([claim, claim, heartbeat, complete]);
  });

  it('is not sent again before Retry-After, nor when patience does not last', async () => {
    answers = [{ status: 429, body: { code: 'rate_limited' }, retryAfter: '60' }];
    await expect(client.status()).rejects.toThrow(Unavailable);
    expect(seen).toHaveLength(1);
  });

  it('is not sent again when it may have been carried out and would not bear it', async () => {
    answers = [{ status: 503, body: { code: 'store_unavailable', applied: 'unknown' }, retryAfter: '0' }];
    await expect(client.redrive('a')).rejects.toThrow(Unavailable);
    expect(seen).toHaveLength(1);
    answers = [
      { status: 503, body: { code: 'draining', applied: false }, retryAfter: '0' },
      { status: 200, body: { eval_id: 'a', status: 'queued' } },
    ];
    await client.redrive('a');
    expect(seen).toHaveLength(3);
  });
});

/** Rejects with the reason for which the signal fires. */
function stopOf(signal: AbortSignal, reasons: unknown[]): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      const { reason } = signal;
      reasons.push(reason);
      reject(reason instanceof TaskStopped ? reason : new Error('A reason is a TaskStopped'));
    });
  });
}
