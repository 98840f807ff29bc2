import type { OpenAPIObject } from '@nestjs/swagger';
import { LEASE_EXAMPLE } from '../../src/queue/dto/field-docs.js';
import { type Answer, startTestApp, type TestApp } from '../support/test-app.js';
import {
  answerOf,
  bodyOf,
  examplesOf,
  type FoundOperation,
  operationsOf,
} from '../unit/docs/document.reader.js';
import { schemaFaults } from '../unit/docs/schema.check.js';

/** Plays the story that the examples of the OpenAPI document tell, and compares every answer with its example. */

const JSON_TYPE = 'application/json';

type Members = Readonly<Record<string, unknown>>;

interface Step {
  readonly task?: string;
  readonly query?: string;
  /** The name of the example to send. */
  readonly request?: string;
  /** To send instead of an example. */
  readonly body?: object;
  /** To send as plain text under the lease of the task: an artifact is named `report.txt`. */
  readonly text?: string;
  /** The name of the example to expect, when it is another than that of the request. */
  readonly answer?: string;
  readonly status?: number;
}

describe('the examples of the OpenAPI document', () => {
  let service: TestApp;
  let document: OpenAPIObject;
  let operations: readonly FoundOperation[];
  const leases = new Map<string, string>();
  /** Examples that were played, to find those that no step has. */
  const seen = new Set<string>();

  beforeAll(async () => {
    service = await startTestApp();
    service.clock.advance(Date.UTC(2030, 0, 31, 12) - service.clock.now().wall);
    document = JSON.parse((await service.call('GET', '/openapi.json')).text) as OpenAPIObject;
    operations = operationsOf(document);
  });
  afterAll(() => service.close());

  function operation(id: string): FoundOperation {
    const found = operations.find(({ operationId }) => operationId === id);
    if (!found) throw new Error(`There is no operation ${id}`);
    return found;
  }

  /** Sends the example, or a body, under the leases that were handed out. */
  async function send(id: string, { task = '', query = '', request, body, text }: Step): Promise<Answer> {
    const { method, path, ...rest } = operation(id);
    if (text !== undefined) {
      const headers = { 'X-Lease-Id': leases.get(task) ?? '', 'Content-Type': 'text/plain' };
      return service.call(method, path.replace('{eval_id}', task).replace('{name}', 'report.txt'), {
        body: text,
        headers,
      });
    }
    const content = bodyOf(rest);
    const type = Object.keys(content).find(
      (name) => request !== undefined && request in examplesOf(content, name),
    );
    const example = type === undefined ? body : examplesOf(content, type)[request ?? ''];
    if (request !== undefined) seen.add(`${id} request ${request}`);
    return service.call(method, path.replace(/\{\w+\}/, task) + query, {
      body: withLeases(example, task),
      ...(type !== undefined && { headers: { 'Content-Type': type } }),
    });
  }

  function withLeases(value: unknown, task: string): unknown {
    return mapMembers(value, task, (name, member, owner) =>
      name === 'lease_id' && member === LEASE_EXAMPLE ? leases.get(owner) : member,
    );
  }

  /** Remembers the leases of an answer, and makes it comparable. */
  function settled(value: unknown): unknown {
    return mapMembers(value, '', (name, member, owner) => {
      if (name !== 'lease_id') return member;
      leases.set(owner, String(member));
      return LEASE_EXAMPLE;
    });
  }

  async function play(id: string, step: Step): Promise<Answer> {
    const { status = 200, request, answer = request } = step;
    const got = await send(id, step);
    expect({ id, status: got.status, text: got.text }).toEqual({ id, status, text: expect.any(String) });
    const content = answerOf(document, operation(id), status);
    const parsed: unknown = JSON.parse(got.text);
    expect(schemaFaults(document, content[JSON_TYPE]?.schema ?? {}, parsed)).toEqual([]);
    const body = settled(parsed);
    if (answer === undefined) return got;
    seen.add(`${id} ${status} ${answer}`);
    expect({ id, body }).toEqual({ id, body: examplesOf(content, JSON_TYPE)[answer] });
    return got;
  }

  it('tells what happens by the clock', async () => {
    const made = await play('putSchedule', { request: 'nightly', status: 201 });
    expect(made.headers.get('location')).toBe('/schedules/nightly');
    await play('listSchedules', { answer: 'page' });
    await play('getSchedule', { task: 'nightly', answer: 'nightly' });
    await play('putSchedule', { request: 'paused' });
    await play('removeSchedule', { task: 'nightly', answer: 'deleted' });
  });

  it('tells what happens when tasks are enqueued', async () => {
    const created = await play('enqueueTask', { request: 'smallest', status: 201 });
    expect(created.headers.get('location')).toBe('/tasks/eval-1');
    const replayed = await play('enqueueTask', { request: 'smallest' });
    expect(replayed.headers.get('idempotent-replay')).toBe('true');
    await play('enqueueTask', { request: 'full', status: 201 });
    await play('enqueueTask', { request: 'later', status: 201 });
    const page = await play('listTasks', { query: '?limit=1', answer: 'page' });
    expect(page.headers.get('link')).toBe('</tasks?limit=1&cursor=3-Q8cpsi>; rel="next"');
    await play('getTask', { task: 'eval-2', answer: 'queued' });
    await play('changeQueue', { task: 'gpu', request: 'limits' });
    await play('getQueue', { task: 'gpu', answer: 'limits' });
    await play('getQueueStats', { task: 'gpu', answer: 'waiting' });
    await play('listQueues', { answer: 'two' });
    await play('pauseQueue', { task: 'gpu', answer: 'paused' });
    await play('resumeQueue', { task: 'gpu', answer: 'resumed' });
  });

  it('tells what happens when a task is worked on', async () => {
    service.clock.advance(2_000);
    await play('claimNextTask', { query: '?worker_id=worker-1', answer: 'task' });
    await play('claimNextTask', { answer: 'nothing' });
    await play('heartbeatTask', { task: 'eval-1', request: 'progress' });
    await play('getTask', { task: 'eval-1', answer: 'processing' });
    await play('appendLog', { task: 'eval-1', text: '.'.repeat(4096), answer: 'appended' });
    await play('putArtifact', { task: 'eval-1', text: '42\n', answer: 'report', status: 201 });
    await play('putArtifact', { task: 'eval-1', text: '42\n', answer: 'report' });
    await play('listArtifacts', { task: 'eval-1', answer: 'one' });
    service.clock.advance(1_500);
    await play('completeTask', { task: 'eval-1', request: 'output' });
    await play('getTask', { task: 'eval-1', answer: 'completed' });
    await play('getTaskAttempts', { task: 'eval-1', answer: 'completed' });
    await play('getTaskOutput', { task: 'eval-1', answer: 'completed' });
    await play('getStatus', { answer: 'busy' });
    await play('claimTasks', { request: 'patient' });
    await play('listWorkers', { answer: 'busy' });
    await play('claimTasks', { body: { worker_id: 'worker-1' }, answer: 'nothing' });
    await play('failTask', { task: 'eval-2', request: 'retry' });
  });

  it('tells what happens when a task is given back, cancelled and redriven', async () => {
    await play('enqueueTask', { body: { eval_id: 'eval-4', code: 'print(' }, status: 201 });
    await play('claimNextTask', {});
    await play('releaseTask', { task: 'eval-4', request: 'shutdown' });
    await play('cancelTask', { task: 'eval-4', request: 'reason' });
    await play('redriveTask', { task: 'eval-4', request: 'redriven' });
    await play('claimNextTask', {});
    await play('failTask', { task: 'eval-4', request: 'final' });
    await play('redriveTasks', { request: 'failed' });
    await play('changePriority', { task: 'eval-4', request: 'urgent' });
    await play('cancelTask', { task: 'eval-4', request: 'reason' });
  });

  it('tells what happens when a worker is to stop', async () => {
    await play('drainWorker', { task: 'worker-1', answer: 'draining' });
    await play('resumeWorker', { task: 'worker-1', answer: 'active' });
    await play('leaveWorker', { task: 'worker-1', answer: 'gone' });
  });

  it('tells what happens to many tasks at once', async () => {
    await play('enqueueTasks', { request: 'document' });
    await play('getBatch', { task: 'run-8', answer: 'running' });
    await play('listBatches', { answer: 'page' });
    // It makes up a batch_id, so its answer has no example.
    expect(await send('enqueueTasks', { request: 'lines' })).toMatchObject({ status: 200 });
    const body = { worker_id: 'worker-1', max_tasks: 2 };
    await play('claimTasks', { body });
    await play('heartbeatTasks', { request: 'two' });
    await play('cancelTask', { task: 'eval-12' });
    await play('finishTasks', { request: 'two' });
    await play('redriveBatch', { task: 'run-8', request: 'failed' });
    await play('cancelBatch', { task: 'run-8', request: 'reason' });
  });

  it('tells what happens when tasks are forgotten', async () => {
    await play('removeTask', { task: 'eval-1', answer: 'deleted' });
    await play('removeTask', { task: 'eval-10' });
    await play('removeTask', { task: 'eval-11' });
    await play('removeTask', { task: 'eval-12' });
    await play('clearTasks', { answer: 'cleared' });
  });

  it('tells what the probes answer', async () => {
    for (const id of ['getHealth', 'getLiveness', 'getReadiness']) {
      const got = await send(id, {});
      const { schema = {}, example } = answerOf(document, operation(id), 200)[JSON_TYPE] ?? {};
      expect(schemaFaults(document, schema, got.body)).toEqual([]);
      expect(Object.keys(got.body as object)).toEqual(Object.keys(example as object));
    }
  });

  it('shows deliveries of webhooks in the shape that they have', () => {
    // Nothing is delivered here: test/e2e/webhooks.test.ts reads real ones.
    for (const [id, name] of [
      ['listWebhookDeliveries', 'page'],
      ['redeliverWebhook', 'again'],
    ] as const) {
      const content = answerOf(document, operation(id), 200);
      const example = examplesOf(content, JSON_TYPE)[name];
      expect(example).toBeDefined();
      expect(schemaFaults(document, content[JSON_TYPE]?.schema ?? {}, example)).toEqual([]);
      seen.add(`${id} 200 ${name}`);
    }
  });

  it('leaves no example out', () => {
    const all = operations.flatMap((one) => [
      ...Object.keys(bodyOf(one)).flatMap((type) => namesOf(`${one.operationId} request`, bodyOf(one), type)),
      ...[200, 201]
        .filter((status) => String(status) in one.responses)
        .flatMap((status) =>
          namesOf(`${one.operationId} ${status}`, answerOf(document, one, status), JSON_TYPE),
        ),
    ]);
    expect(all.length).toBeGreaterThan(30);
    expect(all.filter((name) => !seen.has(name))).toEqual([]);
  });
});

function namesOf(prefix: string, content: ReturnType<typeof bodyOf>, type: string): string[] {
  return Object.keys(examplesOf(content, type)).map((name) => `${prefix} ${name}`);
}

/** A copy with other members; `owner` is the eval_id of the object that a member is in, or of one around it. */
function mapMembers(
  value: unknown,
  owner: string,
  change: (name: string, member: unknown, owner: string) => unknown,
): unknown {
  if (Array.isArray(value)) return value.map((item) => mapMembers(item, owner, change));
  if (typeof value !== 'object' || value === null) return value;
  const { eval_id: id = owner } = value as Members;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      mapMembers(change(name, member, String(id)), String(id), change),
    ]),
  );
}
