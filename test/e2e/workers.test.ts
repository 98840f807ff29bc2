import { Config } from '../../src/config/config.js';
import { WaitingRoom } from '../../src/queue/waiting-room.js';
import { WorkerRegistry } from '../../src/workers/worker-registry.js';
import { describeStores } from '../support/describe-stores.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';

type Worker = Readonly<Record<string, unknown>>;

describeStores(({ name, startApp, settings }) => {
  describe('workers', () => {
    let service: TestApp;

    beforeEach(async () => {
      service = await startApp();
    });

    afterEach(() => service.close());

    const post = (path: string, body: object = {}) => service.call('POST', path, { body });
    const claim = (workerId: string, more: object = {}) =>
      post('/tasks/claim', { worker_id: workerId, ...more });

    async function workers(at = service): Promise<Worker[]> {
      return (await at.call('GET', '/workers')).body.workers as Worker[];
    }

    async function enqueue(...ids: readonly string[]): Promise<void> {
      for (const id of ids) await post('/tasks', { eval_id: id, code: 'x', max_attempts: 2, timeout: 30 });
    }

    it('are listed with what they hold and have done', async () => {
      await enqueue('a', 'b', 'c', 'd');
      await claim('w1', { max_tasks: 3, queues: ['default', 'gpu'] });
      service.clock.advanceSeconds(5);
      await claim('w2', { queues: ['none'] });
      await post('/tasks/a/complete');
      await post('/tasks/b/fail');
      expect(await workers()).toEqual([
        {
          worker_id: 'w1',
          state: 'busy',
          status: 'active',
          quarantine: null,
          first_seen_at: '2026-01-01T00:00:00.000Z',
          last_seen_at: '2026-01-01T00:00:05.000Z',
          queues: ['default', 'gpu'],
          held_tasks: ['c'],
          held: 1,
          completed: 1,
          failed: 1,
          lost: 0,
        },
        expect.objectContaining({ worker_id: 'w2', queues: ['none'], held: 0, held_tasks: [] }),
      ]);
    });

    it('are seen when they beat, and a lost lease counts', async () => {
      await enqueue('a', 'b');
      const { body } = await claim('w1', { max_tasks: 2 });
      const leases = body.tasks as { eval_id: string; lease_id: string }[];
      service.clock.advanceSeconds(50);
      await post('/tasks/heartbeat', { worker_id: 'w1', leases: leases.slice(0, 1) });
      expect(await workers()).toMatchObject([{ last_seen_at: '2026-01-01T00:00:50.000Z', held: 2 }]);
      service.clock.advanceSeconds(50);
      await service.sweep();
      expect(await workers()).toMatchObject([{ held_tasks: ['a'], lost: 1, completed: 0 }]);
    });

    it('are busy, silent, idle or gone, by what they hold and when they were heard', async () => {
      const states = async () =>
        Object.fromEntries((await workers()).map(({ worker_id: id, state }) => [String(id), state]));
      await enqueue('a', 'b');
      const { body } = await claim('holder', { lease: 30 });
      await claim('reporter', { lease: 30 });
      await claim('empty', { queues: ['none'] });
      expect(await states()).toEqual({ holder: 'busy', reporter: 'busy', empty: 'idle' });
      service.clock.advanceSeconds(20);
      await post('/tasks/b/complete');
      expect(await states()).toEqual({ holder: 'busy', reporter: 'idle', empty: 'idle' });
      service.clock.advanceSeconds(1);
      expect(await states()).toEqual({ holder: 'silent', reporter: 'idle', empty: 'idle' });
      const [{ lease_id } = { lease_id: '' }] = body.tasks as { lease_id: string }[];
      await post('/tasks/a/heartbeat', { lease_id });
      expect((await states()).holder).toBe('busy');
      await post('/workers/holder/drain');
      service.clock.advanceSeconds(21);
      expect(await workers()).toContainEqual(
        expect.objectContaining({ worker_id: 'holder', state: 'silent', status: 'draining' }),
      );
      service.clock.advanceSeconds(78);
      await service.sweep();
      expect(await states()).toEqual({ holder: 'idle', reporter: 'idle', empty: 'gone' });
      service.clock.advanceSeconds(2);
      expect(await states()).toEqual({ holder: 'gone', reporter: 'gone', empty: 'gone' });
    });

    it('that hold a task of a long lease are silent after WORKER_FORGET_SECONDS', async () => {
      await post('/tasks', { eval_id: 'long', code: 'x', timeout: 3_600 });
      await claim('w1');
      service.clock.advanceSeconds(service.app.get(Config).WORKER_FORGET_SECONDS);
      expect(await workers()).toMatchObject([{ state: 'busy' }]);
      service.clock.advanceSeconds(1);
      expect(await workers()).toMatchObject([{ state: 'silent', held: 1 }]);
    });

    it('are idle as long as their poll is parked, and heard when it ends', async () => {
      const impatient = await startApp({ WORKER_FORGET_SECONDS: '10' });
      const at = (path: string, body: object = {}) => impatient.call('POST', path, { body });
      const poll = at('/tasks/claim', { worker_id: 'w1', wait: 60 });
      await until(() => impatient.app.get(WaitingRoom).size === 1);
      impatient.clock.advanceSeconds(50);
      expect(await workers(impatient)).toMatchObject([
        { state: 'idle', last_seen_at: '2026-01-01T00:00:50.000Z' },
      ]);
      await at('/tasks', { eval_id: 'a', code: 'x', timeout: 3_600 });
      expect((await poll).body.tasks).toHaveLength(1);
      expect(await workers(impatient)).toMatchObject([{ state: 'busy' }]);
      impatient.clock.advanceSeconds(11);
      expect(await workers(impatient)).toMatchObject([{ state: 'silent' }]);
      await impatient.close();
    });

    it('are gone when they said goodbye, until they are forgotten or come back', async () => {
      await enqueue('a');
      await claim('w1');
      await post('/tasks/a/complete');
      service.clock.advanceSeconds(1);
      const left = await post('/workers/w1/leave');
      expect([left.status, left.body]).toEqual([200, (await workers())[0]]);
      expect(left.body).toMatchObject({
        worker_id: 'w1',
        state: 'gone',
        status: 'active',
        last_seen_at: '2026-01-01T00:00:01.000Z',
        completed: 1,
      });
      service.clock.advanceSeconds(1);
      expect((await service.call('POST', '/workers/w1/leave')).body).toEqual(left.body);
      await claim('w1');
      expect(await workers()).toMatchObject([{ state: 'idle' }]);
      expect((await post('/workers/w1/leave', {})).body.state).toBe('gone');
      service.clock.advanceSeconds(service.app.get(Config).WORKER_FORGET_SECONDS);
      expect(await workers()).toMatchObject([{ state: 'gone' }]);
      service.clock.advanceSeconds(1);
      expect(await workers()).toEqual([]);
      expect((await post('/workers/w1/leave')).body.code).toBe('worker_not_found');
    });

    it('that left are gone with what they still hold, and back with a heartbeat', async () => {
      await enqueue('a');
      const { body } = await claim('w1');
      expect((await post('/workers/w1/leave')).body).toMatchObject({ state: 'gone', held_tasks: ['a'] });
      expect(await workers()).toMatchObject([{ state: 'gone', held: 1 }]);
      const [{ lease_id } = { lease_id: '' }] = body.tasks as { lease_id: string }[];
      service.clock.advanceSeconds(1);
      await post('/tasks/a/heartbeat', { lease_id });
      expect(await workers()).toMatchObject([{ state: 'busy', held: 1 }]);
    });

    it('that broke off their poll and left stay gone', async () => {
      const broken = new AbortController();
      const poll = fetch(`${service.url}/tasks/next?wait=60&worker_id=w1`, { signal: broken.signal });
      await until(() => service.app.get(WaitingRoom).size === 1);
      service.clock.advanceSeconds(1);
      expect((await post('/workers/w1/leave')).body.state).toBe('gone');
      service.clock.advanceSeconds(1);
      expect(await workers()).toMatchObject([{ state: 'gone', last_seen_at: '2026-01-01T00:00:01.000Z' }]);
      broken.abort();
      await expect(poll).rejects.toThrow();
      await until(() => service.app.get(WaitingRoom).size === 0);
      expect(await workers()).toMatchObject([{ state: 'gone', last_seen_at: '2026-01-01T00:00:01.000Z' }]);
    });

    it('that left under a clock that was ahead are gone, and back when they claim', async () => {
      service.clock.advanceSeconds(86_400);
      await claim('w1');
      await post('/workers/w1/leave');
      service.clock.advanceSeconds(-86_400);
      expect(await workers()).toMatchObject([{ state: 'gone', last_seen_at: '2026-01-01T00:00:00.000Z' }]);
      service.clock.advanceSeconds(1);
      await claim('w1');
      expect(await workers()).toMatchObject([{ state: 'idle' }]);
    });

    it('are forgotten after a silence', async () => {
      await claim('w1');
      service.clock.advanceSeconds(service.app.get(Config).WORKER_FORGET_SECONDS - 1);
      await claim('w2');
      expect(await workers()).toHaveLength(2);
      service.clock.advanceSeconds(2);
      expect(await workers()).toMatchObject([{ worker_id: 'w2' }]);
    });

    it('are listed as long as they hold a task, however long they are silent', async () => {
      await post('/tasks', { eval_id: 'long', code: 'x', timeout: 3_600 });
      await claim('w1');
      service.clock.advanceSeconds(service.app.get(Config).WORKER_FORGET_SECONDS + 1);
      expect(await workers()).toMatchObject([
        {
          worker_id: 'w1',
          held_tasks: ['long'],
          last_seen_at: '2026-01-01T00:00:00.000Z',
          queues: ['default'],
        },
      ]);
      expect((await post('/workers/w1/drain', {})).status).toBe(200);
    });

    it('that were seen under a clock that was ahead are forgotten in time when it is right again', async () => {
      service.clock.advanceSeconds(86_400);
      await claim('w1');
      expect(await workers()).toHaveLength(1);
      await post('/workers/w1/drain', {});
      service.clock.advanceSeconds(-86_400);
      expect(await workers()).toMatchObject([{ last_seen_at: '2026-01-01T00:00:00.000Z' }]);
      service.clock.advanceSeconds(service.app.get(Config).WORKER_FORGET_SECONDS + 1);
      expect(await workers()).toEqual([]);
    });

    it('learn with every answer that they are to drain, and get nothing', async () => {
      await enqueue('a', 'b');
      const first = await claim('w1');
      expect(first.body).not.toHaveProperty('command');
      const [{ lease_id: leaseId } = { lease_id: '' }] = first.body.tasks as { lease_id: string }[];
      const beat = () => post('/tasks/a/heartbeat', { lease_id: leaseId });
      expect((await beat()).body.command).toBeNull();
      expect((await post('/workers/w1/drain')).body).toEqual({ worker_id: 'w1', status: 'draining' });
      expect((await beat()).body.command).toBe('drain');
      const leases = [{ eval_id: 'a', lease_id: leaseId }];
      const beats = await post('/tasks/heartbeat', { worker_id: 'w1', leases });
      expect(beats.body.results).toMatchObject([{ command: 'drain' }]);
      expect((await claim('w1')).body).toEqual({ tasks: [], command: 'drain' });
      const next = await service.call('GET', '/tasks/next?worker_id=w1');
      expect([next.text, next.headers.get('x-worker-command')]).toEqual(['null', 'drain']);
      const results = [{ eval_id: 'a', lease_id: leaseId, status: 'completed' }];
      const report = await post('/tasks/complete', { results, claim: { worker_id: 'w1' } });
      expect(report.body).toMatchObject({ results: [{ status: 'completed' }], tasks: [], command: 'drain' });
      expect(await workers()).toMatchObject([{ status: 'draining', completed: 1 }]);
      expect((await claim('w2')).body.tasks).toHaveLength(1);
      expect((await post('/workers/w1/resume')).body).toEqual({ worker_id: 'w1', status: 'active' });
      await enqueue('c');
      expect((await claim('w1')).body.tasks).toHaveLength(1);
    });

    it('that drain get once more what a claim of theirs holds, and nothing new', async () => {
      await enqueue('a', 'b');
      await claim('w1', { claim_id: 'c1' });
      await post('/workers/w1/drain');
      const again = await claim('w1', { claim_id: 'c1', wait: 5 });
      expect(again.body).toMatchObject({ tasks: [{ eval_id: 'a' }], command: 'drain' });
      expect((await claim('w1', { claim_id: 'c2', wait: 5 })).body).toEqual({ tasks: [], command: 'drain' });
    });

    it('leave their parked polls when they are to drain', async () => {
      await claim('w1');
      const poll = claim('w1', { wait: 60 });
      const other = claim('w2', { wait: 60 });
      await until(async () => (await workers()).length === 2);
      await post('/workers/w1/drain');
      expect((await poll).body).toEqual({ tasks: [], command: 'drain' });
      await enqueue('a');
      expect((await other).body.tasks).toHaveLength(1);
    });

    it('that drain are forgotten after a silence, too', async () => {
      await claim('w1');
      await post('/workers/w1/drain');
      service.clock.advanceSeconds(1_000);
      await claim('w2');
      await service.app.get(WorkerRegistry).flush();
      await enqueue('a');
      expect((await claim('w1')).body.tasks).toHaveLength(1);
    });

    it('that drain and hold a task stay drained, however long they are silent', async () => {
      await post('/tasks', { eval_id: 'long', code: 'x', timeout: 3_600 });
      await claim('w1');
      await post('/workers/w1/drain');
      service.clock.advanceSeconds(1_000);
      await claim('w2');
      await service.app.get(WorkerRegistry).flush();
      expect(await workers()).toContainEqual(
        expect.objectContaining({ worker_id: 'w1', state: 'silent', status: 'draining' }),
      );
      await enqueue('a');
      expect((await claim('w1')).body).toEqual({ tasks: [], command: 'drain' });
    });

    it.each(['w9', '%00', '__proto__', 'x'.repeat(2_000), 'a%2Fb'])('are not known as %s', async (id) => {
      for (const verb of ['drain', 'resume', 'leave']) {
        const answer = await post(`/workers/${id}/${verb}`);
        expect([answer.status, answer.body.code]).toEqual([404, 'worker_not_found']);
      }
    });

    if (name === 'redis') {
      it('are shared by all processes, and what one has noted outlives it', async () => {
        const env = settings();
        const [one, two] = [await startTestApp(env), await startTestApp(env)];
        const at = (app: TestApp, path: string, body: object = {}) => app.call('POST', path, { body });
        await at(one, '/tasks', { eval_id: 'a', code: 'x' });
        await at(one, '/tasks/claim', { worker_id: 'w1' });
        await at(one, '/tasks/a/complete');
        await workers(one);
        expect(await workers(two)).toMatchObject([{ worker_id: 'w1', completed: 1 }]);
        await at(one, '/workers/w1/drain');
        await two.app.get(WorkerRegistry).flush();
        expect((await at(two, '/tasks/claim', { worker_id: 'w1' })).body.command).toBe('drain');
        await one.close();
        two.clock.advanceSeconds(120);
        await at(two, '/tasks/claim', { worker_id: 'w1' });
        await two.app.get(WorkerRegistry).flush();
        expect(await workers(two)).toMatchObject([{ worker_id: 'w1', completed: 1, status: 'draining' }]);
        await two.close();
      });

      it('say goodbye to any process, and a poll at any process brings them back', async () => {
        const env = settings();
        const [one, two] = [await startTestApp(env), await startTestApp(env)];
        const advance = (seconds: number) => {
          for (const { clock } of [one, two]) clock.advanceSeconds(seconds);
        };
        await one.call('GET', '/tasks/next?worker_id=w1');
        expect(await workers(one)).toMatchObject([{ state: 'idle' }]);
        advance(1);
        expect((await two.call('POST', '/workers/w1/leave')).body.state).toBe('gone');
        expect(await workers(one)).toMatchObject([{ state: 'gone' }]);
        advance(1);
        const poll = one.call('GET', '/tasks/next?worker_id=w1&wait=60');
        await until(() => one.app.get(WaitingRoom).size === 1);
        advance(15);
        await one.app.get(WorkerRegistry).flush();
        expect(await workers(two)).toMatchObject([
          { state: 'idle', last_seen_at: '2026-01-01T00:00:17.000Z' },
        ]);
        await one.call('POST', '/tasks', { body: { eval_id: 'a', code: 'x' } });
        expect((await poll).body).toMatchObject({ eval_id: 'a' });
        // Its own process has not written down that the poll ended; the task is in the store.
        expect(await workers(two)).toMatchObject([{ state: 'busy', held_tasks: ['a'] }]);
        await Promise.all([one.close(), two.close()]);
      });
    }
  });
});
