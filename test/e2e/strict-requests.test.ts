import { describeStores } from '../support/describe-stores.js';
import type { Answer, TestApp } from '../support/test-app.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };

/** Requests that mean less than all, in a way that the service does not take. */
const REFUSED: readonly (readonly [request: string, body?: string])[] = [
  ['DELETE /tasks?batch_id=b1'],
  ['DELETE /tasks?group=g'],
  ['DELETE /tasks?Queue=gpu'],
  ['DELETE /tasks?QUEUE=gpu'],
  ['DELETE /tasks?queues=gpu'],
  ['DELETE /tasks?queue=gpu&state=failed'],
  ['DELETE /tasks?queue='],
  ['DELETE /tasks?queue'],
  ['DELETE /tasks?queue=gpu,'],
  ['DELETE /tasks?queue=gpu&queue=cpu'],
  ['DELETE /tasks?queue[]=gpu'],
  ['DELETE /tasks?filter[queue]=gpu'],
  ['DELETE /tasks?status='],
  ['DELETE /tasks?status=Failed'],
  ['DELETE /tasks?status=faild'],
  ['DELETE /tasks?=gpu'],
  ['DELETE /tasks?%71ueues=gpu'],
  ['DELETE /tasks?limit=1'],
  ['DELETE /tasks', '{"queue":"gpu"}'],
  ['DELETE /tasks', '{"status":["failed"]}'],
  ['DELETE /tasks', '[]'],
  ['DELETE /tasks', 'null'],
  ['DELETE /tasks', '""'],
  ['DELETE /tasks', 'queue=gpu'],
  ['DELETE /tasks', '{'],
  ['DELETE /tasks?queue=gpu', '{"status":"failed"}'],
  ['POST /tasks/redrive', '{"status":"cancelled","batch_id":"b1"}'],
  ['POST /tasks/redrive', '{"status":"cancelled","Queue":"gpu"}'],
  ['POST /tasks/redrive', '{"status":"cancelled","queues":["gpu"]}'],
  ['POST /tasks/redrive', '{"status":"cancelled","queue":""}'],
  ['POST /tasks/redrive', '{"status":"cancelled","queue":null}'],
  ['POST /tasks/redrive', '{"status":"cancelled","queue":["gpu"]}'],
  ['POST /tasks/redrive', '{"status":"cancelled","group":null}'],
  ['POST /tasks/redrive', '{"status":"cancelled","group":""}'],
  ['POST /tasks/redrive', '{"status":"cancelled","limit":null}'],
  ['POST /tasks/redrive', '{"status":"cancelled","__proto__":{"queue":"gpu"}}'],
  ['POST /tasks/redrive', '{"status":"cancelled","constructor":1}'],
  ['POST /tasks/redrive', '{"status":"cancelled","queue":"gpu","queue":"none"}'],
  ['POST /tasks/redrive', '{"status":"cancelled","queue":"gpu","que\\u0075e":"none"}'],
  ['POST /tasks/redrive', '{"status":"failed","status":"cancelled"}'],
  ['POST /tasks/redrive?queue=gpu', '{"status":"cancelled"}'],
  ['POST /batches/b1/cancel', '{"queue":"gpu"}'],
  ['POST /batches/b1/cancel', '{"status":"queued"}'],
  ['POST /batches/b1/cancel?queue=gpu'],
  ['POST /batches/b1/cancel?queue=gpu', '{}'],
  ['POST /batches/b1/redrive', '{"queue":"gpu"}'],
  ['POST /batches/b1/redrive', '{"status":"failed"}'],
  ['POST /batches/b1/redrive', '{"outcome":null}'],
  ['POST /batches/b1/redrive?outcome=lost'],
  ['POST /queues/gpu/pause', '{"group":"g"}'],
  ['POST /queues/gpu/pause?group=g'],
  ['POST /queues/gpu/resume', '{"group":"g"}'],
  ['POST /queues/gpu/resume?group=g'],
  ['POST /workers/w1/drain', '{"queue":"gpu"}'],
  ['POST /workers/w1/drain?queue=gpu'],
  ['POST /workers/w1/resume?queue=gpu'],
  ['POST /workers/w1/leave?queue=gpu'],
  ['POST /workers/w1/leave', '{"queue":"gpu"}'],
  ['POST /workers/w1/leave', '{"worker_id":"w1"}'],
  ['POST /workers/w1/leave', '[]'],
  ['POST /workers/w1/leave', 'null'],
];

/** What stays as easy as it was. */
const TAKEN: readonly (readonly [request: string, body?: string])[] = [
  ['POST /batches/b1/cancel', '{"reason":null}'],
  ['POST /batches/b1/cancel'],
  ['POST /batches/b1/redrive', '{}'],
  ['POST /queues/gpu/pause', '{}'],
  ['POST /queues/gpu/resume', ' { } '],
  ['POST /workers/w1/drain'],
  ['POST /workers/w1/resume', '{}'],
  ['POST /workers/w1/leave'],
  ['POST /workers/w1/leave', '{}'],
  ['POST /tasks/redrive', '{"status":"cancelled","queue":"gpu","group":"g","limit":1}'],
  ['POST /tasks/t1/cancel?unknown=1', '{"unknown":1}'],
  ['GET /tasks?unknown=1'],
  ['DELETE /tasks?queue=gpu&status=queued', '{}'],
  ['DELETE /tasks?'],
];

describeStores(({ startApp }) => {
  let service: TestApp;

  beforeAll(async () => {
    service = await startApp();
  });

  afterAll(() => service.close());

  function send(request: string, body?: string): Promise<Answer> {
    const [method = '', path = ''] = request.split(' ');
    const isEmpty = body === undefined || body === '';
    return service.call(method, path, isEmpty ? {} : { body, headers: JSON_TYPE });
  }

  /** All that the requests could change. */
  async function contents(): Promise<unknown> {
    const { body } = await service.call('GET', '/tasks?limit=1000');
    const tasks = (body.tasks as { eval_id: string; status: string }[]).map((task) => [
      task.eval_id,
      task.status,
    ]);
    const { paused } = (await service.call('GET', '/queues/gpu')).body;
    const workers = (await service.call('GET', '/workers')).body.workers as {
      status: string;
      state: string;
    }[];
    return { tasks, paused, workers: workers.map(({ status, state }) => [status, state]) };
  }

  describe('a request about all tasks that match', () => {
    beforeAll(async () => {
      const tasks = [
        { eval_id: 't1', code: 'x', queue: 'gpu' },
        { eval_id: 't2', code: 'x', queue: 'gpu', group: 'g' },
        { eval_id: 't3', code: 'x', queue: 'cpu' },
        { eval_id: 't4', code: 'x', queue: 'gpu', group: 'g' },
        { eval_id: 't5', code: 'x', queue: 'gpu', group: 'h' },
      ];
      await service.call('POST', '/tasks/batch', { body: { batch_id: 'b1', tasks } });
      for (const id of ['t4', 't5']) await service.call('POST', `/tasks/${id}/cancel`);
      await service.call('GET', '/tasks/next?queue=elsewhere&worker_id=w1');
    });

    it.each(REFUSED.map(([request, body = '']) => [request, body] as const))(
      'is refused and does nothing when it says %s %s',
      async (request, body) => {
        const before = await contents();
        const { status, body: problem } = await send(request, body);
        expect([status, problem.code, problem.errors]).toEqual([422, 'invalid_request', expect.any(Array)]);
        expect(await contents()).toEqual(before);
      },
    );

    it('names what it does not take, unless the name could do harm', async () => {
      const { body } = await send('DELETE /tasks?batch_id=b1&%3Cscript%3E=1');
      expect(body.errors).toEqual([
        {
          pointer: 'batch_id',
          detail: expect.stringContaining('batch_id is not a query parameter') as string,
        },
        { pointer: '', detail: expect.stringContaining('nothing was changed') as string },
      ]);
    });

    it('is refused when its body is not JSON at all, whatever it is called', async () => {
      for (const type of ['application/x-www-form-urlencoded', 'text/plain']) {
        const headers = { 'Content-Type': type };
        const { status } = await service.call('DELETE', '/tasks', { body: 'queue=gpu', headers });
        expect(status).toBe(422);
      }
      expect((await service.call('GET', '/status')).body.total_tasks).toBe(5);
    });

    it('redrives the tasks of one group, and no other', async () => {
      const { body } = await send('POST /tasks/redrive', '{"status":"cancelled","group":"g"}');
      expect(body.tasks_redriven).toBe(1);
      const states = await Promise.all(['t4', 't5'].map((id) => service.call('GET', `/tasks/${id}`)));
      expect(states.map(({ body: task }) => task.status)).toEqual(['queued', 'cancelled']);
    });

    it.each(TAKEN.map(([request, body = '']) => [request, body] as const))(
      'is still taken when it says %s %s',
      async (request, body) => {
        expect((await send(request, body)).status).toBe(200);
      },
    );
  });
});
