import { describeStores } from '../support/describe-stores.js';
import { samplesOf } from '../support/metrics.text.js';
import { type Answer, type TestApp } from '../support/test-app.js';

let service: TestApp;

const post = (path: string, body: object = {}): Promise<Answer> => service.call('POST', path, { body });

async function enqueueAndClaim(id: string, fields: object = {}): Promise<string> {
  await post('/tasks', { eval_id: id, code: 'x', ...fields });
  const { body } = await post('/tasks/claim', { worker_id: 'w1' });
  const [task] = body.tasks as { lease_id: string }[];
  return task?.lease_id ?? '';
}

/** Ends a task as failed with this cause. */
async function bury(id: string, cause: string | undefined, fields: object = {}): Promise<void> {
  const lease_id = await enqueueAndClaim(id, fields);
  await post(`/tasks/${id}/fail`, { lease_id, cause });
}

async function list(query: string): Promise<unknown[]> {
  const { body } = await service.call('GET', `/tasks${query}`);
  return (body.tasks as { eval_id: string }[]).map(({ eval_id }) => eval_id);
}

describeStores(({ startApp }) => {
  beforeEach(async () => {
    service = await startApp();
  });

  afterEach(() => service.close());

  describe('a cause', () => {
    it.each([
      ['fail', { cause: 'oom' }],
      ['fail', { cause: 'disk.full-2_x', outcome: 'lost' }],
      ['release', { cause: 'a' }],
    ])('of %s %j is in the attempt and in the task until the next one', async (verb, report) => {
      const lease_id = await enqueueAndClaim('a', { max_attempts: 3 });
      await post('/tasks/a/heartbeat', { lease_id, progress: { percent: 40 } });
      await post(`/tasks/a/${verb}`, { lease_id, ...report, retry_after: 0 });
      const { body: task } = await service.call('GET', '/tasks/a');
      expect(task).toMatchObject({ cause: report.cause, progress: null });
      const { body } = await service.call('GET', '/tasks/a/attempts');
      expect(body.attempts).toMatchObject([{ cause: report.cause, progress: { percent: 40 } }]);
      const { body: claimed } = await post('/tasks/claim', { worker_id: 'w2' });
      const [again] = claimed.tasks as { lease_id: string }[];
      await post('/tasks/a/complete', { lease_id: again?.lease_id });
      expect((await service.call('GET', '/tasks/a')).body.cause).toBeNull();
    });

    it('goes with each result of a bulk report', async () => {
      const lease_id = await enqueueAndClaim('a');
      const good = { eval_id: 'a', lease_id, status: 'failed', cause: 'timeout' };
      const bad = { ...good, cause: 'Time Out' };
      const { body } = await post('/tasks/complete', { results: [bad, good] });
      expect(body.results).toMatchObject([
        { problem: { errors: [{ pointer: '/cause' }] } },
        { status: 'failed' },
      ]);
      expect(await list('?cause=timeout')).toEqual(['a']);
    });

    it.each(['', 'OOM', '-x', 'x y', 'é', 'x'.repeat(65), 7])('is not %j', async (cause) => {
      const lease_id = await enqueueAndClaim('a');
      for (const verb of ['fail', 'release']) {
        const { status, body } = await post(`/tasks/a/${verb}`, { lease_id, cause });
        expect([status, body.errors]).toMatchObject([422, [{ pointer: '/cause' }]]);
      }
    });

    it('filters lists and redrives, and only what it matches changes', async () => {
      await bury('a', 'oom');
      await bury('b', 'timeout');
      await bury('c', 'oom', { queue: 'default' });
      await bury('d', undefined);
      expect(await list('?cause=oom&status=failed')).toEqual(['c', 'a']);
      expect((await post('/tasks/redrive', { status: 'failed', cause: 'oom' })).body.tasks_redriven).toBe(2);
      expect(await list('?status=queued')).toEqual(['c', 'a']);
      const wrong = await post('/tasks/redrive', { status: 'failed', reason: 'timeout' });
      expect([wrong.status, await list('?status=failed')]).toEqual([422, ['d', 'b']]);
    });

    it('filters the redrive and the cancel of a batch', async () => {
      const batch = { batch_id: 'set', max_attempts: 2 };
      for (const cause of ['oom', 'timeout']) {
        const lease_id = await enqueueAndClaim(cause, batch);
        await post(`/tasks/${cause}/fail`, { lease_id, cause, retry_after: 60 });
        await bury(`${cause}-dead`, cause, { batch_id: 'set' });
      }
      expect((await post('/batches/set/cancel', { cause: 'oom' })).body.tasks_cancelled).toBe(1);
      expect((await post('/batches/set/redrive', { cause: 'timeout' })).body.tasks_redriven).toBe(1);
      expect(await list('?status=cancelled')).toEqual(['oom']);
      expect(await list('?status=queued')).toEqual(['timeout-dead']);
    });

    it('filters a clear, which then removes ended tasks only', async () => {
      await bury('a', 'oom');
      await bury('b', 'timeout');
      const lease_id = await enqueueAndClaim('waits', { max_attempts: 2 });
      await post('/tasks/waits/fail', { lease_id, cause: 'oom', retry_after: 60 });
      const refused = await service.call('DELETE', '/tasks?cause=oom&status=delayed');
      expect([refused.status, refused.body.errors]).toMatchObject([422, [{ pointer: 'status' }]]);
      const { body } = await service.call('DELETE', '/tasks?cause=oom');
      expect([body.tasks_removed, await list('')]).toEqual([1, ['waits', 'b']]);
    });

    it('is counted under its name for the first fifty, and as other after that', async () => {
      for (let number = 0; number < 52; number += 1) {
        await post('/tasks', { eval_id: `t${number}`, code: 'x' });
      }
      const { body } = await post('/tasks/claim', { worker_id: 'w1', max_tasks: 52 });
      const results = (body.tasks as { eval_id: string; lease_id: string }[]).map((task, number) => ({
        ...{ eval_id: task.eval_id, lease_id: task.lease_id },
        ...{ status: 'failed', cause: `cause-${number}` },
      }));
      await post('/tasks/complete', { results });
      const text = (await service.call('GET', '/metrics')).text;
      const ours = samplesOf(text).filter((sample) => sample.name === 'crucible_attempt_causes_total');
      expect(ours).toHaveLength(51);
      expect(text).toContain('crucible_attempt_causes_total{cause="cause-0",outcome="failed"} 1');
      expect(text).toContain('crucible_attempt_causes_total{cause="other",outcome="failed"} 2');
    });

    it('groups dead letters on the dashboard', async () => {
      await bury('a', 'oom', {});
      await bury('b', 'oom', {});
      await bury('c', undefined, {});
      const { text } = await service.call('GET', '/dashboard/dead-letters');
      expect(text).toMatch(/\?cause=oom">oom<\/a>/);
      expect(text).toContain('Redrive 2 tasks…');
      const tasks = await service.call('GET', '/dashboard/tasks?cause=oom');
      expect(tasks.text).toContain('/dashboard/tasks/b"');
      expect(tasks.text).not.toContain('/dashboard/tasks/c"');
    });
  });
});
