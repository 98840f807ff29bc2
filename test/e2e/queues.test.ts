import { describeStores } from '../support/describe-stores.js';
import { WaitingRoom } from '../../src/queue/waiting-room.js';
import { until } from '../support/until.js';
import { type Answer, startTestApp, type TestApp } from '../support/test-app.js';

const NOTHING_SET = {
  paused: false,
  max_depth: null,
  max_concurrency: null,
  max_concurrency_per_group: null,
  rate_limit: null,
  priority_ageing: null,
  outage_guard: { window: 60, min_attempts: 10, share: 0.8 },
  outage: null,
};

describeStores(({ name, startApp, settings }) => {
  describe('queues', () => {
    let service: TestApp;

    beforeEach(async () => {
      service = await startApp();
    });

    afterEach(() => service.close());

    const get = (path: string) => service.call('GET', path);
    const post = (path: string, body: object = {}) => service.call('POST', path, { body });
    const change = (body: unknown, queue = 'default') => service.call('PATCH', `/queues/${queue}`, { body });
    const next = async (query = '') => (await get(`/tasks/next${query}`)).body.eval_id;

    async function enqueue(...ids: readonly string[]): Promise<Answer[]> {
      return Promise.all(ids.map((id) => post('/tasks', { eval_id: id, code: 'x' })));
    }

    it('are there before their first task, with nothing set', async () => {
      const stats = { ready: 0, leased: 0, delayed: 0, backlog: 0, oldest_ready_age_seconds: null };
      expect((await get('/queues/new')).body).toEqual({ queue: 'new', ...NOTHING_SET, stats });
      expect((await get('/queues')).body).toEqual({ queues: [] });
    });

    it('tell how they fare while no worker runs', async () => {
      await enqueue('a', 'b');
      await post('/tasks', { eval_id: 'c', code: 'x', delay: 60 });
      await next();
      service.clock.advanceSeconds(5);
      const stats = { ready: 1, leased: 1, delayed: 1, backlog: 2, oldest_ready_age_seconds: 5 };
      expect((await get('/queues/default/stats')).body).toEqual(stats);
      expect((await get('/queues')).body).toEqual({ queues: [{ queue: 'default', ...NOTHING_SET, stats }] });
    });

    it('keep what is set, and take it away again', async () => {
      const all = {
        paused: true,
        max_depth: 10,
        max_concurrency: 5,
        max_concurrency_per_group: 2,
        rate_limit: { tasks: 3, per: 0.5 },
        priority_ageing: 60,
      };
      expect((await change(all, 'gpu')).body).toMatchObject({ queue: 'gpu', ...all });
      expect((await change({}, 'gpu')).body).toMatchObject(all);
      const partly = await change({ paused: false, rate_limit: null, max_depth: 11 }, 'gpu');
      const left = { ...all, paused: false, rate_limit: null, max_depth: 11 };
      expect(partly.body).toMatchObject(left);
      expect((await get('/queues')).body.queues).toMatchObject([{ queue: 'gpu', ...left }]);
    });

    it.each([
      [{ paused: 'yes' }, '/paused'],
      [{ max_depth: -1 }, '/max_depth'],
      [{ max_depth: 1.5 }, '/max_depth'],
      [{ max_depth: '10' }, '/max_depth'],
      [{ max_concurrency: {} }, '/max_concurrency'],
      [{ max_concurrency_per_group: [1] }, '/max_concurrency_per_group'],
      [{ rate_limit: 5 }, '/rate_limit'],
      [{ rate_limit: { tasks: 1 } }, '/rate_limit/per'],
      [{ rate_limit: { tasks: 0, per: 1 } }, '/rate_limit/tasks'],
      [{ priority_ageing: 0 }, '/priority_ageing'],
      [{ priority_ageing: 'x'.repeat(1_000) }, '/priority_ageing'],
    ])('refuse %j', async (body, pointer) => {
      const answer = await change(body);
      expect([answer.status, answer.body.code]).toEqual([422, 'invalid_request']);
      expect((answer.body.errors as { pointer: string }[])[0]?.pointer).toBe(pointer);
      expect((await get('/queues/default')).body).toMatchObject(NOTHING_SET);
    });

    it.each(['%00', 'a%2Fb', 'x'.repeat(65), '__proto__'])('cannot be called %s', async (queue) => {
      expect((await get(`/queues/${queue}`)).status).toBe(404);
      expect((await change({}, queue)).status).toBe(404);
      expect((await post(`/queues/${queue}/pause`)).status).toBe(404);
    });

    it('refuse what would be too deep, and go on with all else', async () => {
      await change({ max_depth: 2 });
      const answers = await enqueue('a', 'b', 'c', 'd');
      expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 201, 429, 429]);
      const refused = answers.find(({ status }) => status === 429);
      expect(refused?.body).toMatchObject({ code: 'queue_full', applied: false });
      expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await get('/queues/default/stats')).body).toMatchObject({ ready: 2 });
      const first = String(await next());
      expect((await post(`/tasks/${first}/complete`)).status).toBe(200);
      await post('/tasks', { eval_id: 'other', code: 'x', queue: 'free' });
      expect((await enqueue('e'))[0]?.status).toBe(201);
      expect((await enqueue('f'))[0]?.status).toBe(429);
      // It is there already, so it adds nothing.
      expect((await enqueue('e'))[0]?.status).toBe(200);
      await change({ max_depth: null });
      expect((await enqueue('f'))[0]?.status).toBe(201);
    });

    it('take of a batch what there is room for', async () => {
      await change({ max_depth: 2 });
      const tasks = ['a', 'b', 'c'].map((id) => ({ eval_id: id, code: 'x' }));
      const { body } = await post('/tasks/batch', {
        tasks: [...tasks, { eval_id: 'd', code: 'x', queue: 'q' }],
      });
      expect(body).toMatchObject({ accepted: 3, rejected: 1 });
      expect(body.results).toMatchObject([
        { eval_id: 'a' },
        { eval_id: 'b' },
        { problem: { code: 'queue_full' } },
        { eval_id: 'd' },
      ]);
    });

    it('take the new tasks of a batch that is sent again', async () => {
      await change({ max_depth: 3 });
      await enqueue('a', 'b');
      const tasks = ['a', 'b', 'c', 'd'].map((id) => ({ eval_id: id, code: 'x' }));
      for (let time = 0; time < 2; time += 1) {
        const { body } = await post('/tasks/batch', { tasks });
        expect(body.results).toMatchObject([
          ...[{ eval_id: 'a' }, { eval_id: 'b' }, { eval_id: 'c' }],
          { problem: { code: 'queue_full' } },
        ]);
      }
    });

    it('hand out nothing while they are paused, and wake who waits when they go on', async () => {
      await enqueue('a');
      expect((await post('/queues/default/pause')).body.paused).toBe(true);
      expect(await next()).toBeUndefined();
      await enqueue('b');
      const waiting = next('?wait=60');
      expect((await post('/queues/default/resume')).body.paused).toBe(false);
      expect(await waiting).toBe('a');
      expect(await next()).toBe('b');
    });

    it('let so many be worked on, and wake who waits when one has ended', async () => {
      await change({ max_concurrency: 1 });
      await enqueue('a', 'b');
      expect(await next()).toBe('a');
      expect(await next()).toBeUndefined();
      const waiting = next('?wait=60');
      await post('/tasks/a/complete');
      expect(await waiting).toBe('b');
    });

    it('hand out no faster than their rate', async () => {
      await change({ rate_limit: { tasks: 1, per: 60 } });
      await enqueue('a', 'b');
      expect(await next()).toBe('a');
      expect(await next()).toBeUndefined();
      service.clock.advanceSeconds(60);
      expect(await next()).toBe('b');
    });

    it('answer everybody else while polls of different workers wait at an idle one with a rate', async () => {
      await change({ rate_limit: { tasks: 5, per: 60 } });
      const claim = (labels: object) =>
        post('/tasks/claim', { worker_id: 'w', queues: ['default'], wait: 60, labels });
      const waiting = [claim({ gpu: 'a100' }), claim({ cpu: 'arm' }), claim({})];
      await until(() => service.app.get(WaitingRoom).size === waiting.length);
      expect((await get('/livez')).status).toBe(200);
      for (const [id, requires] of [
        ['a', { cpu: 'arm' }],
        ['b', { gpu: 'a100' }],
        ['c', {}],
      ] as const)
        await post('/tasks', { eval_id: id, code: 'x', requires });
      const answers = await Promise.all(waiting);
      const tasks = answers.map(({ body }) => body.tasks);
      expect(tasks).toMatchObject([[{ eval_id: 'b' }], [{ eval_id: 'a' }], [{ eval_id: 'c' }]]);
    });

    it.each([
      ['a rate', { rate_limit: { tasks: 1, per: 86_400 } }, { rate_limit: { tasks: 1_000, per: 1 } }],
      ['a rate', { rate_limit: { tasks: 1, per: 86_400 } }, { rate_limit: null }],
      ['a limit', { max_concurrency: 1 }, { max_concurrency: 2 }],
      ['a limit', { max_concurrency: 1 }, { max_concurrency: null }],
      ['a limit of groups', { max_concurrency_per_group: 1 }, { max_concurrency_per_group: 2 }],
      ['a pause', { paused: true }, { paused: false }],
    ])('wake who waits when %s is loosened: from %j to %j', async (_, held, loosened) => {
      const add = (id: string) => post('/tasks', { eval_id: id, code: 'x', group: 'g' });
      await add('a');
      await change({ ...held, paused: false });
      await next();
      await change(held);
      await add('b');
      const waiting = next('?wait=60');
      await until(() => service.app.get(WaitingRoom).size === 1);
      expect((await change(loosened)).status).toBe(200);
      service.clock.advanceSeconds(1);
      expect(await waiting).toBe('b');
    });

    it('are looked at by weight', async () => {
      await post('/tasks', { eval_id: 'a', code: 'x', queue: 'qa' });
      const claim = (queues: unknown) => post('/tasks/claim', { worker_id: 'w', queues });
      const { body } = await claim({ qa: 3, qb: 1 });
      expect(body.tasks).toMatchObject([{ eval_id: 'a' }]);
      for (const bad of [{}, { qa: 0 }, { 'a/b': 1 }, [], 'qa', { qa: 'x' }]) {
        const answer = await claim(bad);
        expect([answer.status, answer.body.errors]).toMatchObject([422, [{ pointer: '/queues' }]]);
      }
    });

    if (name === 'redis') {
      it('are set for every process', async () => {
        const env = settings();
        const [one, two] = [await startTestApp(env), await startTestApp(env)];
        await one.call('PATCH', '/queues/default', { body: { max_depth: 0 } });
        const add = (id: string) => two.call('POST', '/tasks', { body: { eval_id: id, code: 'x' } });
        for (let number = 0; (await add(`t${number}`)).status !== 429; number += 1)
          expect(number).toBeLessThan(1_000);
        await one.close();
        await two.close();
      });
    }
  });
});
