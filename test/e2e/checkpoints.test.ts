import { describeStores } from '../support/describe-stores.js';
import { type Answer, type TestApp } from '../support/test-app.js';

let service: TestApp;

const post = (path: string, body: unknown = {}): Promise<Answer> => service.call('POST', path, { body });

interface Claimed {
  readonly lease_id: string;
  readonly checkpoint: unknown;
  readonly checkpoint_attempt: number | null;
}

/** Claims the next task, and answers it as it was sent as well. */
async function claim(): Promise<Claimed & { readonly text: string }> {
  const { body, text } = await post('/tasks/claim', { worker_id: 'w1' });
  const [task] = body.tasks as Claimed[];
  if (task === undefined) throw new Error('Nothing was ready');
  return { ...task, text };
}

describeStores(({ startApp }) => {
  beforeEach(async () => {
    service = await startApp();
    await post('/tasks', { eval_id: 'a', code: 'x', max_attempts: 9 });
  });

  afterEach(() => service.close());

  describe('a checkpoint', () => {
    const TEXT = '{"step":1.0, "n":9007199254740993,"__proto__":[]}';

    it.each(['heartbeat', 'fail', 'release'])(
      'that came with %s is in the next claim, to the byte',
      async (verb) => {
        const first = await claim();
        expect(first).toMatchObject({ checkpoint: null, checkpoint_attempt: null });
        await post(
          `/tasks/a/${verb}`,
          `{"lease_id":"${first.lease_id}","checkpoint":${TEXT},"retry_after":0}`,
        );
        expect((await service.call('GET', '/tasks/a')).body.checkpoint_attempt).toBe(1);
        if (verb === 'heartbeat') {
          service.clock.advanceSeconds(3600);
          await service.sweep();
        }
        const second = await claim();
        expect(second.text).toContain(`"checkpoint":${TEXT},`);
        expect(second.checkpoint_attempt).toBe(1);
        await post('/tasks/a/release', { lease_id: second.lease_id });
        expect(await claim()).toMatchObject({ checkpoint_attempt: 1 });
      },
    );

    it('comes with an item of a bulk heartbeat, and an item that is refused keeps no other from it', async () => {
      await post('/tasks', { eval_id: 'b', code: 'x' });
      const [first, other] = [await claim(), await claim()];
      const beat =
        `{"worker_id":"w1","leases":[` +
        `{"eval_id":"a","lease_id":"${first.lease_id}","checkpoint":${TEXT},"progress":{"percent":40}},` +
        `{"eval_id":"b","lease_id":"${other.lease_id}","checkpoint":"${'x'.repeat(65_536)}"},` +
        `{"eval_id":"b","lease_id":"stale","checkpoint":1},` +
        `{"eval_id":"b","lease_id":"${other.lease_id}","extend":600}]}`;
      const { body } = await post('/tasks/heartbeat', beat);
      expect(body.results).toMatchObject([
        { eval_id: 'a', command: null },
        { index: 1, problem: { code: 'invalid_request', errors: [{ pointer: '/checkpoint' }] } },
        { index: 2, problem: { code: 'lease_lost' } },
        { eval_id: 'b', heartbeat_interval: expect.any(Number) },
      ]);
      expect((await service.call('GET', '/tasks/a')).body).toMatchObject({
        checkpoint_attempt: 1,
        progress: { percent: 40 },
      });
      // A later heartbeat without one keeps it.
      await post('/tasks/heartbeat', {
        worker_id: 'w1',
        leases: [{ eval_id: 'a', lease_id: first.lease_id }],
      });
      await post('/tasks/a/release', { lease_id: first.lease_id });
      await post('/tasks/b/release', { lease_id: other.lease_id });
      expect((await claim()).text).toContain(`"checkpoint":${TEXT},`);
      expect((await claim()).checkpoint).toBeNull();
    });

    it('comes with a failure of a bulk report, and with GET /tasks/next', async () => {
      const { lease_id } = await claim();
      const result = { eval_id: 'a', lease_id, status: 'failed', retry_after: 0, checkpoint: null };
      await post('/tasks/complete', { results: [result] });
      const { text, body } = await service.call('GET', '/tasks/next');
      expect(text).toContain('"checkpoint":null,');
      expect(body.checkpoint_attempt).toBe(1);
    });

    it('of 64 KiB is taken, and a larger one is a 422 that changes nothing', async () => {
      const { lease_id } = await claim();
      const sized = (bytes: number) => 'x'.repeat(bytes - 2);
      await post('/tasks/a/heartbeat', { lease_id, checkpoint: sized(65_536) });
      for (const verb of ['heartbeat', 'fail', 'release']) {
        for (const checkpoint of [sized(65_537), '\0'.repeat(11_000)]) {
          const { status, body } = await post(`/tasks/a/${verb}`, { lease_id, checkpoint });
          expect([status, body.errors]).toMatchObject([422, [{ pointer: '/checkpoint' }]]);
        }
      }
      await post('/tasks/a/release', { lease_id });
      expect((await claim()).checkpoint).toHaveLength(65_534);
    });

    it.each([
      ['/tasks/a/redrive', { reset: true }],
      ['/tasks/redrive', { status: 'failed', reset: true }],
      ['/batches/set/redrive', { reset: true }],
    ])('is kept by a redrive and dropped by one with reset: %s', async (path, reset) => {
      await post('/tasks', { eval_id: 'b', code: 'x', batch_id: 'set', priority: 9 });
      const { lease_id } = await claim();
      await post('/tasks/b/fail', { lease_id, checkpoint: { step: 1 } });
      const { reset: _, ...keep } = reset as Record<string, unknown>;
      const to = (route: string) => route.replace('/a/', '/b/');
      expect((await post(to(path), keep)).status).toBe(200);
      const kept = await claim();
      expect(kept.checkpoint).toEqual({ step: 1 });
      await post('/tasks/b/fail', { lease_id: kept.lease_id });
      expect((await post(to(path), reset)).status).toBe(200);
      expect(await claim()).toMatchObject({ checkpoint: null, checkpoint_attempt: null });
    });

    it('is not taken from a stale lease, and never in events, metrics or lists', async () => {
      const first = await claim();
      await post('/tasks/a/heartbeat', { lease_id: first.lease_id, checkpoint: 'secret-step' });
      service.clock.advanceSeconds(3600);
      await service.sweep();
      const stale = await post('/tasks/a/heartbeat', { lease_id: first.lease_id, checkpoint: 'later' });
      expect([stale.status, stale.body.code]).toEqual([409, 'lease_lost']);
      const { lease_id, checkpoint } = await claim();
      expect(checkpoint).toBe('secret-step');
      await post('/tasks/a/fail', { lease_id, retryable: false });
      for (const path of ['/tasks', '/tasks/a', '/tasks/a/attempts', '/metrics', '/dashboard/tasks/a'])
        expect((await service.call('GET', path)).text).not.toContain('secret-step');
    });
  });
});
