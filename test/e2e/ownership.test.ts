import type { FinishedBatch } from '../../src/batches/batch.js';
import { BatchEvents } from '../../src/batches/batch-events.js';
import { BatchSweeper } from '../../src/batches/batch-sweeper.js';
import { BatchChecker } from '../../src/batches/batch-checker.js';
import { Scheduler } from '../../src/schedules/scheduler.js';
import { jest } from '@jest/globals';
import { DocumentStore } from '../../src/storage/document-store.js';
import { TaskStore } from '../../src/storage/task-store.js';
import { describeStores } from '../support/describe-stores.js';
import { type KeyFile, keyOf, writeKeyFile } from '../support/key-file.js';
import type { Answer, TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';

describeStores(({ startApp }) => {
  describe('names that queues share', () => {
    let keys: KeyFile;
    let service: TestApp;

    beforeAll(() => {
      const roles = ['producer', 'worker'];
      keys = writeKeyFile([
        { id: 'admin', roles: ['admin'] },
        { id: 'qa', roles, queues: ['qa'] },
        { id: 'qb', roles, queues: ['qb'] },
        { id: 'both', roles, queues: ['qa', 'qb'] },
      ]);
    });

    afterAll(() => {
      keys.remove();
    });

    beforeEach(async () => {
      service = await startApp({ API_KEYS_FILE: keys.path, WEBHOOK_ALLOW_PRIVATE: 'true' });
    });

    afterEach(() => service.close());

    const as = (id: string, method: string, path: string, body?: object): Promise<Answer> =>
      service.call(method, path, { key: keyOf(id), body });

    const task = (id: string, queue: string, more: object = {}) => ({
      eval_id: id,
      code: 'x',
      queue,
      ...more,
    });
    const batch = (id: string, tasks: readonly object[], more: object = {}) =>
      as(id, 'POST', '/tasks/batch', { batch_id: 'V', tasks, ...more });
    const statusOf = async (id: string) => (await as('admin', 'GET', `/tasks/${id}`)).body.status;

    async function fail(id: string, queue: string): Promise<void> {
      await as('admin', 'GET', `/tasks/next?queue=${queue}`);
      expect((await as('admin', 'POST', `/tasks/${id}/fail`, {})).status).toBe(200);
      await service.app.get(BatchChecker).run();
    }

    describe('the id of a task', () => {
      type Read = 'find' | 'findPayload' | 'findAttempts' | 'findOutput';

      async function complete(queue: string, output: string): Promise<void> {
        const metadata = { of: queue };
        await as('admin', 'POST', '/tasks', task('t', queue, { metadata, max_attempts: 2 }));
        await as('admin', 'GET', `/tasks/next?queue=${queue}`);
        await as('admin', 'POST', '/tasks/t/fail', { error: `${queue}${'.'.repeat(2000)}`, retry_after: 0 });
        await as('admin', 'GET', `/tasks/next?queue=${queue}`);
        await as('admin', 'POST', '/tasks/t/complete', { output });
      }

      /** The next read of this kind comes after another queue has taken the id. */
      function takeIdBefore(read: Read): void {
        const store = service.app.get(TaskStore);
        const spy = jest.spyOn(store, read).mockImplementation(async (id: string): Promise<never> => {
          spy.mockRestore();
          await as('admin', 'DELETE', '/tasks/t');
          await complete('qb', 'secret');
          return store[read](id) as Promise<never>;
        });
      }

      beforeEach(() => complete('qa', 'own'));

      it.each<[path: string, read: Read]>([
        ['', 'findPayload'],
        ['/attempts', 'findAttempts'],
        ['/output', 'findOutput'],
      ])(
        'shows nothing of another queue that takes it during a read of /tasks/{id}%s',
        async (path, read) => {
          expect((await as('qa', 'GET', `/tasks/t${path}`)).status).toBe(200);
          takeIdBefore(read);
          const answer = await as('qa', 'GET', `/tasks/t${path}`);
          expect([answer.status, answer.body.code]).toEqual([404, 'task_not_found']);
        },
      );
    });

    describe('a batch', () => {
      const ADDRESS = 'http://127.0.0.1:1/done';
      const OTHER = 'http://127.0.0.1:1/elsewhere';
      const EVIL = { max_failures: 0, callback_url: OTHER };

      beforeEach(async () => {
        const made = await batch('qb', [task('b1', 'qb'), task('b2', 'qb')], { callback_url: ADDRESS });
        expect(made.body).toMatchObject({ accepted: 2 });
      });

      it('is not taken over by a key of another queue, by no way in', async () => {
        const taken = await batch('qa', [task('a1', 'qa')], EVIL);
        expect([taken.status, taken.body.code]).toEqual([409, 'name_taken']);
        const plain = await batch('qa', [task('a1', 'qa')]);
        expect([plain.status, plain.body.code]).toEqual([409, 'name_taken']);
        const single = await as('qa', 'POST', '/tasks', task('a1', 'qa', { batch_id: 'V' }));
        expect([single.status, single.body.code]).toEqual([409, 'name_taken']);
        const tasks = [task('a1', 'qa', { batch_id: 'V' }), task('a2', 'qa')];
        const within = await as('qa', 'POST', '/tasks/batch', { batch_id: 'W', tasks });
        expect(within.body).toMatchObject({ accepted: 1, rejected: 1 });
        expect(within.body.results).toMatchObject([{ problem: { code: 'name_taken' } }, { eval_id: 'a2' }]);
        expect((await as('admin', 'GET', '/tasks/a1')).status).toBe(404);
        await fail('a2', 'qa');
        expect((await as('qb', 'GET', '/batches/V')).body).toMatchObject({
          total: 2,
          pending: 2,
          callback_url: ADDRESS,
          max_failures: null,
        });
        expect([await statusOf('b1'), await statusOf('b2')]).toEqual(['queued', 'queued']);
      });

      it('is not there for a key of another queue, with nothing of it to be read', async () => {
        for (const [method, path, body] of [
          ['GET', '/batches/V'],
          ['GET', '/batches/V?wait=0.01'],
          ['POST', '/batches/V/cancel', {}],
          ['POST', '/batches/V/redrive', {}],
        ] as const) {
          const answer = await as('qa', method, path, body);
          expect([path, answer.status, answer.body.code]).toEqual([path, 404, 'batch_not_found']);
        }
        expect((await as('qa', 'GET', '/batches?limit=1')).body).toEqual({ batches: [], next_cursor: null });
      });

      it('is one of several queues for a key that may use them all, and each part for a key of its queue', async () => {
        const grown = await batch('both', [task('a1', 'qa')], { max_failures: 0 });
        expect(grown.body).toMatchObject({ accepted: 1 });
        expect((await batch('qa', [task('a2', 'qa')])).body).toMatchObject({ accepted: 1 });
        const refused = await batch('qa', [task('a3', 'qa')], EVIL);
        expect([refused.status, refused.body.code]).toEqual([403, 'forbidden']);
        expect((await as('qa', 'POST', '/batches/V/cancel', {})).body.tasks_cancelled).toBe(2);
        expect(await statusOf('b1')).toBe('queued');
        expect((await as('qa', 'GET', '/batches/V')).body).toMatchObject({ total: 2, cancelled_at: null });
        await fail('b1', 'qb');
        expect(await statusOf('b2')).toBe('cancelled');
      });

      it('grows by single tasks of a key that may use all its queues', async () => {
        const told: FinishedBatch[] = [];
        service.app.get(BatchEvents).onDone((done) => told.push(done));
        await as('both', 'POST', '/tasks', task('a1', 'qa', { batch_id: 'V' }));
        expect((await as('qa', 'GET', '/batches/V')).body).toMatchObject({ total: 1 });
        expect((await as('admin', 'POST', '/batches/V/cancel', {})).body.tasks_cancelled).toBe(3);
        await service.app.get(BatchChecker).run();
        expect(told).toMatchObject([{ counts: { cancelled: 3 } }]);
      });
    });

    it('a batch that is waited for is over for a key when the tasks in its queues are', async () => {
      await batch('both', [task('a1', 'qa'), task('b1', 'qb')]);
      const part = as('qa', 'GET', '/batches/V?wait=60');
      const whole = as('both', 'GET', '/batches/V?wait=60');
      await until(() => service.app.get(BatchChecker).size === 2);
      await fail('a1', 'qa');
      expect((await part).body).toMatchObject({ status: 'done', total: 1 });
      expect(service.app.get(BatchChecker).size).toBe(1);
      await fail('b1', 'qb');
      expect((await whole).body).toMatchObject({ status: 'done', total: 2 });
    });

    it('a batch takes tasks of a schedule from a key that may use it, and from no other', async () => {
      await batch('qb', [task('b1', 'qb')]);
      const schedule = (id: string, who: string) =>
        as(who, 'POST', '/schedules', {
          schedule_id: id,
          cron: '* * * * *',
          task: { code: 'x', queue: 'qa', batch_id: 'V' },
        });
      const taken = await schedule('foreign', 'qa');
      expect([taken.status, taken.body.code]).toEqual([409, 'name_taken']);
      expect((await as('qa', 'GET', '/schedules/foreign')).status).toBe(404);
      expect((await schedule('own', 'both')).status).toBe(201);
      service.clock.advanceSeconds(61);
      await service.app.get(Scheduler).run();
      expect((await as('both', 'GET', '/batches/V')).body).toMatchObject({ total: 2, counts: { queued: 2 } });
    });

    it('a batch counts, cancels and tells of nothing that came under its name before, elsewhere', async () => {
      await as('qb', 'POST', '/tasks', task('b1', 'qb', { batch_id: 'V' }));
      const made = await batch('qa', [task('a1', 'qa'), task('a2', 'qa')], { max_failures: 0 });
      expect(made.body).toMatchObject({ accepted: 2 });
      await fail('a1', 'qa');
      expect([await statusOf('a2'), await statusOf('b1')]).toEqual(['cancelled', 'queued']);
      expect((await as('qb', 'GET', '/batches/V')).body).toMatchObject({ total: 1, created_at: null });
      expect((await as('admin', 'GET', '/batches/V')).body).toMatchObject({ status: 'done', total: 2 });
    });

    it('a batch of an older version belongs to the queues of its tasks', async () => {
      await as('qb', 'POST', '/tasks', task('b1', 'qb', { batch_id: 'V' }));
      const text = JSON.stringify({ id: 'V', createdAt: service.clock.now().wall, maxFailures: 5 });
      await service.app.get(DocumentStore).put('batch', { id: 'V', text, expected: 0 });
      const taken = await batch('qa', [task('a1', 'qa')], { max_failures: 0 });
      expect([taken.status, taken.body.code]).toEqual([409, 'name_taken']);
      await service.app.get(BatchSweeper).sweep();
      expect((await as('qb', 'GET', '/batches/V')).body).toMatchObject({ total: 1, max_failures: 5 });
      expect((await batch('qb', [task('b2', 'qb')])).body).toMatchObject({ accepted: 1 });
      await as('admin', 'POST', '/batches/V/cancel', {});
      await service.app.get(BatchChecker).run();
      expect((await as('qb', 'GET', '/batches/V')).body).toMatchObject({ status: 'done', total: 2 });
    });

    it('a schedule is not changed, removed or seen by a key of another queue', async () => {
      const schedule = (queue: string, cron = '* * * * *') => ({
        schedule_id: 'S',
        cron,
        task: { code: queue, queue },
      });
      expect((await as('qb', 'POST', '/schedules', schedule('qb'))).status).toBe(201);
      const taken = await as('qa', 'POST', '/schedules', schedule('qa', '@daily'));
      expect([taken.status, taken.body.code]).toEqual([409, 'name_taken']);
      const forbidden = await as('qa', 'POST', '/schedules', schedule('qb', '@daily'));
      expect([forbidden.status, forbidden.body.code]).toEqual([403, 'forbidden']);
      for (const method of ['GET', 'DELETE']) {
        expect((await as('qa', method, '/schedules/S')).status).toBe(404);
      }
      expect((await as('qb', 'GET', '/schedules/S')).body).toMatchObject({ cron: '* * * * *', queue: 'qb' });
      expect((await as('both', 'POST', '/schedules', schedule('qa'))).status).toBe(200);
      expect((await as('qb', 'GET', '/schedules/S')).status).toBe(404);
    });
  });
});
