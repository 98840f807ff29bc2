import { describeStores } from '../support/describe-stores.js';
import type { TestApp } from '../support/test-app.js';

describeStores(({ startApp }) => {
  describe('queues', () => {
    let service: TestApp;

    beforeEach(async () => {
      service = await startApp();
    });

    afterEach(() => service.close());

    const get = (path: string) => service.call('GET', path);
    const post = (path: string, body: object) => service.call('POST', path, { body });

    it('are there before their first task', async () => {
      const stats = { ready: 0, leased: 0, delayed: 0, backlog: 0, oldest_ready_age_seconds: null };
      expect((await get('/queues/new')).body).toEqual({ queue: 'new', stats });
      expect((await get('/queues')).body).toEqual({ queues: [] });
    });

    it('tell how they fare while no worker runs', async () => {
      for (const id of ['a', 'b']) await post('/tasks', { eval_id: id, code: 'x' });
      await post('/tasks', { eval_id: 'c', code: 'x', delay: 60 });
      await get('/tasks/next');
      service.clock.advanceSeconds(5);
      const stats = { ready: 1, leased: 1, delayed: 1, backlog: 2, oldest_ready_age_seconds: 5 };
      expect((await get('/queues/default/stats')).body).toEqual(stats);
      expect((await get('/queues')).body).toEqual({ queues: [{ queue: 'default', stats }] });
    });

    it('are looked at by weight', async () => {
      await post('/tasks', { eval_id: 'a', code: 'x', queue: 'qa' });
      const claim = (queues: unknown) => post('/tasks/claim', { worker_id: 'w', queues });
      expect((await claim({ qa: 3, qb: 1 })).body.tasks).toMatchObject([{ eval_id: 'a' }]);
      for (const bad of [{}, { qa: 0 }, { 'a/b': 1 }, [], 'qa', { qa: 'x' }]) {
        const answer = await claim(bad);
        expect([answer.status, answer.body.errors]).toMatchObject([422, [{ pointer: '/queues' }]]);
      }
    });

    it.each(['%00', 'a%2Fb', 'x'.repeat(65), '__proto__'])('cannot be called %s', async (queue) => {
      for (const path of [`/queues/${queue}`, `/queues/${queue}/stats`]) {
        expect((await get(path)).status).toBe(404);
      }
    });
  });
});
