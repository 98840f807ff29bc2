import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiKeys } from '../../src/auth/api-keys.js';
import { BatchChecker } from '../../src/batches/batch-checker.js';
import { FinishWaiters } from '../../src/queue/finish-waiters.js';
import { WaitingRoom } from '../../src/queue/waiting-room.js';
import { describeStores } from '../support/describe-stores.js';
import type { Answer, TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';

interface Key {
  readonly id: string;
  readonly roles?: readonly string[];
  readonly queues?: readonly string[];
  readonly expires?: string;
}

const ALL = { roles: ['producer', 'worker'], queues: ['qa'] };

describeStores(({ startApp }) => {
  describe('a request that is parked under a key', () => {
    let service: TestApp;
    let directory: string;

    beforeEach(async () => {
      directory = mkdtempSync(join(tmpdir(), 'crucible-keys-'));
      write([{ id: 'a' }]);
      service = await startApp({
        API_KEYS_FILE: join(directory, 'keys.json'),
        API_KEY: 'admin',
        AUTH_FAILURES_PER_MINUTE: '1',
      });
    });

    afterEach(async () => {
      await service.close();
      rmSync(directory, { recursive: true });
    });

    function write(keys: readonly Key[]): void {
      const entries = keys.map((key) => ({
        ...ALL,
        ...key,
        sha256: createHash('sha256').update(key.id).digest('hex'),
      }));
      writeFileSync(join(directory, 'keys.json'), JSON.stringify({ keys: entries }));
    }

    async function change(...keys: readonly Key[]): Promise<void> {
      write(keys);
      await service.app.get(ApiKeys).reload();
    }

    const call = (method: string, path: string, body?: object, key = 'admin') =>
      service.call(method, path, { key, body });
    const enqueue = (id: string, fields: object = {}) =>
      call('POST', '/tasks', { eval_id: id, code: 'secret', queue: 'qa', ...fields });
    const claim = (key: string, fields: object = {}) =>
      call('POST', '/tasks/claim', { worker_id: 'w', queues: ['qa'], ...fields }, key);
    const status = async (id: string) => (await call('GET', `/tasks/${id}`)).body.status;

    const polls: readonly (readonly [string, () => Promise<Answer>])[] = [
      ['GET /tasks/next', () => call('GET', '/tasks/next?queue=qa&wait=60', undefined, 'a')],
      ['POST /tasks/claim', () => claim('a', { wait: 60 })],
    ];

    it.each(polls)('gets no task when the key is withdrawn: %s', async (_, poll) => {
      const parked = poll();
      await until(() => service.app.get(WaitingRoom).size === 1);
      await change();
      const { status: answered, text } = await parked;
      expect([answered, text.includes('secret')]).toEqual([401, false]);
      await enqueue('t');
      expect(await status('t')).toBe('queued');
      // It was no attempt at a key: this address may still come with another one.
      expect((await claim('nonsense')).status).toBe(401);
    });

    it.each(polls)('gets no task when the key expires: %s', async (_, poll) => {
      await change({ id: 'a', expires: new Date(service.clock.now().wall + 5_000).toISOString() });
      const parked = poll();
      await until(() => service.app.get(WaitingRoom).size === 1);
      service.clock.advanceSeconds(6);
      await enqueue('t');
      expect((await parked).status).toBe(401);
      expect(await status('t')).toBe('queued');
    });

    it.each([
      ['its role', { id: 'a', roles: ['producer'] }, 403],
      ['its queue', { id: 'a', queues: ['qb'] }, 403],
    ])('gets no task when the key loses %s', async (_, key, expected) => {
      const parked = claim('a', { wait: 60 });
      await until(() => service.app.get(WaitingRoom).size === 1);
      await change(key);
      expect((await parked).status).toBe(expected);
    });

    it('leaves the task that woke it to the next', async () => {
      await change(
        { id: 'a', expires: new Date(service.clock.now().wall + 5_000).toISOString() },
        { id: 'b' },
      );
      const first = claim('a', { wait: 60 });
      await until(() => service.app.get(WaitingRoom).size === 1);
      const second = claim('b', { wait: 60 });
      await until(() => service.app.get(WaitingRoom).size === 2);
      service.clock.advanceSeconds(6);
      await enqueue('t');
      expect((await second).body.tasks).toMatchObject([{ eval_id: 't' }]);
      expect((await first).status).toBe(401);
    });

    it('goes on when the key may do more, and when another one changes', async () => {
      const parked = claim('a', { wait: 60 });
      await until(() => service.app.get(WaitingRoom).size === 1);
      await change({ id: 'a', roles: ['producer', 'worker', 'viewer'], queues: ['qa', 'qb'] }, { id: 'b' });
      await enqueue('t');
      expect((await parked).body.tasks).toMatchObject([{ eval_id: 't' }]);
    });

    it('sees no end of a task or a batch when the key is withdrawn', async () => {
      await call('POST', '/tasks/batch', {
        batch_id: 'b',
        tasks: [{ eval_id: 't', code: 'x', queue: 'qa' }],
      });
      const task = call('GET', '/tasks/t?wait=60', undefined, 'a');
      const batch = call('GET', '/batches/b?wait=60', undefined, 'a');
      await until(
        () => service.app.get(FinishWaiters).size === 1 && service.app.get(BatchChecker).size === 1,
      );
      await change();
      expect([(await task).status, (await batch).status]).toEqual([401, 401]);
    });

    it('hears nothing more on a stream of events when the key is withdrawn or expires', async () => {
      for (const end of [
        () => change(),
        () => {
          service.clock.advanceSeconds(6);
          return Promise.resolve();
        },
      ]) {
        await change({ id: 'a', expires: new Date(service.clock.now().wall + 5_000).toISOString() });
        const response = await fetch(`${service.url}/events`, { headers: { 'X-API-Key': 'a' } });
        const text = response.text();
        await end();
        await enqueue(`t${service.clock.now().wall}`);
        expect(await text).not.toContain('eval_id');
      }
    });

    it('is not answered with what a key for other queues claimed under the same ids', async () => {
      await change(
        { id: 'a' },
        { id: 'a2' },
        { id: 'b', queues: ['qb'] },
        { id: 'ab', queues: ['qa', 'qb'] },
      );
      const ids = { worker_id: 'w', claim_id: 'c' };
      await enqueue('in-a');
      const [held] = (await claim('a', ids)).body.tasks as readonly object[];
      expect((await claim('b', { ...ids, queues: ['qb'] })).body.tasks).toEqual([]);
      expect((await claim('ab', ids)).body.tasks).toEqual([]);
      expect((await claim('admin', ids)).body.tasks).toEqual([]);
      await enqueue('in-b', { queue: 'qb' });
      const other = await claim('b', { ...ids, queues: ['qb'] });
      expect(other.body.tasks).toMatchObject([{ eval_id: 'in-b' }]);
      // A key that replaces another one gets what that one holds.
      for (const key of ['a', 'a2']) expect((await claim(key, ids)).body.tasks).toEqual([held]);
    });
  });
});
