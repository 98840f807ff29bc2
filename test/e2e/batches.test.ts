import { jest } from '@jest/globals';
import type { FinishedBatch } from '../../src/batches/batch.js';
import { BatchEvents } from '../../src/batches/batch-events.js';
import { BatchSweeper } from '../../src/batches/batch-sweeper.js';
import { BatchChecker } from '../../src/batches/batch-checker.js';
import { QueueService } from '../../src/queue/queue.service.js';
import { describeStores } from '../support/describe-stores.js';
import { type Answer, startTestApp, type TestApp } from '../support/test-app.js';

interface ListedTask {
  readonly eval_id: string;
  readonly status: string;
  readonly message: string;
}

describeStores(({ name, startApp, settings }) => {
  describe('batches', () => {
    let service: TestApp;

    beforeEach(async () => {
      service = await startApp({ WEBHOOK_ALLOW_PRIVATE: 'true' });
    });

    afterEach(() => service.close());

    const post = (path: string, body: object = {}) => service.call('POST', path, { body });
    const batch = (id: string, query = '') => service.call('GET', `/batches/${id}${query}`);
    const run = () => service.app.get(BatchChecker).run();
    const sweepBatches = () => service.app.get(BatchSweeper).sweep();

    function enqueue(ids: readonly string[], more: object = {}): Promise<Answer> {
      const tasks = ids.map((id) => ({ eval_id: id, code: 'x' }));
      return post('/tasks/batch', { batch_id: 'b', tasks, ...more });
    }

    const enqueueInto = (id: string, task: string) =>
      post('/tasks/batch', { batch_id: id, tasks: [{ eval_id: task, code: 'x' }] });

    async function finish(id: string, verb: 'complete' | 'fail'): Promise<void> {
      await service.call('GET', '/tasks/next');
      expect((await post(`/tasks/${id}/${verb}`)).status).toBe(200);
    }

    async function tasks(): Promise<ListedTask[]> {
      const { body } = await service.call('GET', '/tasks?batch_id=b');
      return (body.tasks as ListedTask[]).toReversed();
    }

    function finished(): FinishedBatch[] {
      const told: FinishedBatch[] = [];
      service.app.get(BatchEvents).onDone((done) => told.push(done));
      return told;
    }

    it('count their tasks, and are done when each has ended', async () => {
      await enqueue(['t1', 't2', 't3'], { callback_url: 'http://127.0.0.1:1/done' });
      await finish('t1', 'complete');
      expect((await batch('b')).body).toEqual({
        batch_id: 'b',
        status: 'running',
        total: 3,
        pending: 2,
        counts: { delayed: 0, queued: 2, processing: 0, completed: 1, failed: 0, cancelled: 0, expired: 0 },
        created_at: '2026-01-01T00:00:00.000Z',
        done_at: null,
        cancelled_at: null,
        callback_url: 'http://127.0.0.1:1/done',
        max_failures: null,
      });
      await finish('t2', 'fail');
      await finish('t3', 'complete');
      await run();
      expect((await batch('b')).body).toMatchObject({
        status: 'done',
        pending: 0,
        counts: { completed: 2, failed: 1 },
        done_at: '2026-01-01T00:00:00.000Z',
      });
    });

    it('grow, by lines and one by one, and tell once each time that they are done', async () => {
      const told = finished();
      await enqueue(['t1'], { callback_url: 'http://127.0.0.1:1/done' });
      await service.call('POST', '/tasks/batch', {
        body: '{"eval_id":"t2","code":"x","batch_id":"b"}\n{"eval_id":"t3","code":"x","batch_id":"b"}\n',
        headers: { 'Content-Type': 'application/x-ndjson' },
      });
      await post('/tasks', { eval_id: 't4', code: 'x', batch_id: 'b' });
      for (const id of ['t1', 't2', 't3']) await finish(id, 'complete');
      await run();
      expect(told).toEqual([]);
      await finish('t4', 'complete');
      await Promise.all([run(), run()]);
      await batch('b');
      expect(told).toMatchObject([
        { id: 'b', callbackUrl: 'http://127.0.0.1:1/done', counts: { completed: 4, queued: 0 } },
      ]);
      await enqueue(['t5']);
      expect((await batch('b')).body).toMatchObject({
        status: 'running',
        total: 5,
        done_at: null,
        callback_url: 'http://127.0.0.1:1/done',
      });
      await finish('t5', 'complete');
      await run();
      expect(told).toHaveLength(2);
    });

    it.each([
      ['the same task', { eval_id: 't1', code: 'x', batch_id: 'b' }],
      ['a task that is refused', { eval_id: 't1', code: 'other', batch_id: 'b' }],
    ])('that had ended before they were noted are told, by a request with %s', async (_, task) => {
      const told = finished();
      await post('/tasks', { eval_id: 't1', code: 'x', batch_id: 'b' });
      await finish('t1', 'complete');
      await run();
      expect(told).toEqual([]);
      expect((await post('/tasks/batch', { batch_id: 'other', tasks: [task] })).status).toBe(200);
      await run();
      expect(told).toMatchObject([{ id: 'b', counts: { completed: 1 } }]);
    });

    it('have the queue of a task that was on its way when they were opened', async () => {
      const queue = service.app.get(QueueService);
      const enqueueOne = queue.enqueue.bind(queue);
      jest.spyOn(queue, 'enqueue').mockImplementationOnce(async (draft) => {
        await enqueue(['t1']);
        return enqueueOne(draft);
      });
      await post('/tasks', { eval_id: 't2', code: 'x', queue: 'other', batch_id: 'b' });
      expect((await batch('b')).body).toMatchObject({ total: 2 });
    });

    it('are waited for', async () => {
      await enqueue(['t1', 't2']);
      const waiting = batch('b', '?wait=60');
      const short = await batch('b', '?wait=0.01');
      expect(short.body).toMatchObject({ status: 'running', pending: 2 });
      await finish('t1', 'complete');
      await finish('t2', 'complete');
      expect((await waiting).body).toMatchObject({ status: 'done', counts: { completed: 2 } });
      expect((await batch('b', '?wait=60')).body.status).toBe('done');
    });

    it('are cancelled as a whole, with what is held', async () => {
      await enqueue(['t1', 't2', 't3']);
      await finish('t1', 'complete');
      await service.call('GET', '/tasks/next');
      const answer = await post('/batches/b/cancel', { reason: 'stopped' });
      expect(answer.body).toEqual({ batch_id: 'b', tasks_cancelled: 2 });
      expect((await tasks()).map(({ status }) => status)).toEqual(['completed', 'cancelled', 'cancelled']);
      expect((await tasks())[1]?.message).toContain('stopped');
      expect((await batch('b')).body.cancelled_at).toBe('2026-01-01T00:00:00.000Z');
      expect((await post('/batches/b/cancel')).body.tasks_cancelled).toBe(0);
    });

    it('are cancelled after too many failures', async () => {
      await enqueue(['t1', 't2', 't3', 't4'], { max_failures: 1 });
      await finish('t1', 'fail');
      await run();
      expect((await batch('b')).body).toMatchObject({ status: 'running', counts: { queued: 3, failed: 1 } });
      await finish('t2', 'fail');
      await run();
      expect((await batch('b')).body).toMatchObject({
        status: 'done',
        counts: { failed: 2, cancelled: 2 },
        max_failures: 1,
      });
      expect((await tasks())[3]?.message).toContain('The batch has more than 1 failed task');
    });

    it('give their dead letters back, by what ended them', async () => {
      const lost = [{ eval_id: 'lost', code: 'x', max_interruptions: 0, timeout: 1 }];
      await post('/tasks/batch', { batch_id: 'b', tasks: lost });
      await service.call('GET', '/tasks/next');
      service.clock.advanceSeconds(60);
      await service.sweep();
      await post('/tasks', { eval_id: 'late', code: 'x', batch_id: 'b', ttl: 1 });
      service.clock.advanceSeconds(2);
      await service.sweep();
      await enqueue(['failed', 'done']);
      await finish('failed', 'fail');
      await finish('done', 'complete');
      expect((await post('/batches/b/redrive', { outcome: 'lost' })).body.tasks_redriven).toBe(1);
      expect((await post('/batches/b/redrive', { outcome: 'lost' })).body.tasks_redriven).toBe(0);
      expect((await post('/batches/b/redrive')).body).toEqual({ batch_id: 'b', tasks_redriven: 2 });
      const states = (await tasks()).map(({ eval_id: id, status }) => `${id} ${status}`);
      expect(states).toEqual(['lost queued', 'late queued', 'failed queued', 'done completed']);
    });

    it('are told of again, under the same end, until it was told', async () => {
      const told: FinishedBatch[] = [];
      service.app.get(BatchEvents).onDone((done) => {
        told.push(done);
        if (told.length === 1) throw new Error('It cannot be told now');
      });
      await enqueue(['t1']);
      await finish('t1', 'complete');
      await run();
      await sweepBatches();
      expect(told).toHaveLength(1);
      service.clock.advanceSeconds(10);
      await sweepBatches();
      await sweepBatches();
      expect(told).toHaveLength(2);
      expect(told[1]).toMatchObject({ id: 'b', counts: { completed: 1 }, doneAt: told[0]?.doneAt });
    });

    it('are forgotten with the last of their tasks', async () => {
      await enqueue(['t1'], { callback_url: 'http://127.0.0.1:1/done' });
      await finish('t1', 'complete');
      await run();
      service.clock.advanceSeconds(86_399);
      await enqueueInto('other', 't2');
      await service.sweep();
      await sweepBatches();
      expect((await batch('b')).body).toMatchObject({ status: 'done', total: 1 });
      service.clock.advanceSeconds(1);
      await service.sweep();
      expect((await batch('b')).body).toMatchObject({ status: 'done', total: 0 });
      await sweepBatches();
      expect((await batch('b')).status).toBe(404);
      const { body } = await service.call('GET', '/batches');
      expect(body.batches).toMatchObject([{ batch_id: 'other', status: 'running', total: 1 }]);
    });

    it('are kept as long as tasks may come: after the last time that they were opened', async () => {
      await enqueue(['t1']);
      await service.call('DELETE', '/tasks');
      service.clock.advanceSeconds(86_399);
      await sweepBatches();
      await enqueue(['t2']);
      await service.call('DELETE', '/tasks');
      service.clock.advanceSeconds(86_399);
      await sweepBatches();
      expect((await batch('b')).body).toMatchObject({ status: 'running', total: 0 });
      service.clock.advanceSeconds(1);
      await sweepBatches();
      expect((await batch('b')).status).toBe(404);
    });

    it('are listed, newest first, page by page', async () => {
      for (const id of ['one', 'two', 'three']) {
        await post('/tasks/batch', { batch_id: id, tasks: [{ eval_id: `t-${id}`, code: 'x' }] });
      }
      const first = await service.call('GET', '/batches?limit=2');
      expect(first.body.batches).toMatchObject([{ batch_id: 'three' }, { batch_id: 'two', total: 1 }]);
      const rest = await service.call('GET', `/batches?cursor=${String(first.body.next_cursor)}`);
      expect(rest.body).toMatchObject({ batches: [{ batch_id: 'one' }], next_cursor: null });
    });

    it('may be of tasks that came one by one', async () => {
      await post('/tasks', { eval_id: 't1', code: 'x', batch_id: 'loose' });
      expect((await batch('loose')).body).toMatchObject({ total: 1, created_at: null });
    });

    it.each(['none', '%00', 'a%2Fb', '__proto__', 'x'.repeat(2_000)])('are not there as %s', async (id) => {
      const answers = [
        await batch(id),
        await post(`/batches/${id}/cancel`),
        await post(`/batches/${id}/redrive`),
      ];
      for (const { status, body } of answers) expect([status, body.code]).toEqual([404, 'batch_not_found']);
    });

    it.each([
      [{ callback_url: 'ftp://example.com' }, '/callback_url'],
      [{ callback_url: 'https://a b' }, '/callback_url'],
      [{ callback_url: `https://${'x'.repeat(2_000)}` }, '/callback_url'],
      [{ max_failures: -1 }, '/max_failures'],
      [{ max_failures: '1' }, '/max_failures'],
      [{ batch_id: 'a/b' }, '/batch_id'],
    ])('are refused with %j', async (part, pointer) => {
      const answer = await enqueue(['t1'], part);
      expect([answer.status, answer.body.code]).toEqual([422, 'invalid_request']);
      expect((answer.body.errors as { pointer: string }[])[0]?.pointer).toBe(pointer);
    });

    if (name === 'redis') {
      it('end a wait at one process when another ends the last task', async () => {
        const env = settings();
        const [one, two] = [await startTestApp(env), await startTestApp(env)];
        const told: FinishedBatch[] = [];
        for (const each of [one, two]) each.app.get(BatchEvents).onDone((done) => told.push(done));
        await one.call('POST', '/tasks/batch', {
          body: { batch_id: 'b', tasks: [{ eval_id: 't', code: 'x' }] },
        });
        const waiting = one.call('GET', '/batches/b?wait=60');
        await two.call('GET', '/tasks/next');
        await two.call('POST', '/tasks/t/complete', { body: {} });
        expect((await waiting).body).toMatchObject({ status: 'done' });
        await Promise.all([one, two].map((each) => each.app.get(BatchChecker).run()));
        expect(told).toHaveLength(1);
        await one.close();
        await two.close();
      });
    }
  });
});
