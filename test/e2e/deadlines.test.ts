import { describeStores } from '../support/describe-stores.js';
import { type Answer, type TestApp } from '../support/test-app.js';

const DAY = 86_400;

let service: TestApp;

const post = (path: string, body: unknown = {}): Promise<Answer> => service.call('POST', path, { body });
const see = async (id: string) => (await service.call('GET', `/tasks/${id}`)).body;

async function claim(lease?: number) {
  const { body } = await post('/tasks/claim', { worker_id: 'w1', lease });
  const [task] = body.tasks as Record<string, unknown>[];
  return task ?? {};
}

async function pass(seconds: number): Promise<void> {
  service.clock.advanceSeconds(seconds);
  await service.sweep();
}

describeStores(({ startApp }) => {
  beforeEach(async () => {
    service = await startApp();
  });

  afterEach(() => service.close());

  describe('a deadline', () => {
    it('expires what waits, and fails what runs without spending a budget', async () => {
      await post('/tasks', { eval_id: 'runs', code: 'x', deadline: 3600, max_attempts: 2 });
      await post('/tasks', { eval_id: 'waits', code: 'x', deadline_at: '2026-01-01T01:00:00Z' });
      const until = '2026-01-01T01:00:00.000Z';
      const { lease_id, deadline_at } = await claim(7200);
      expect(deadline_at).toBe(until);
      const running = await see('runs');
      expect(running).toMatchObject({ deadline_at: until, lease_expires_at: until, expires_at: until });
      await pass(3599);
      const kept = await post('/tasks/runs/heartbeat', { lease_id, extend: 7200 });
      expect(kept.body).toMatchObject({ lease_expires_at: until });
      expect(kept.body.heartbeat_interval).toBeLessThan(1);
      await pass(1);
      expect(await see('waits')).toMatchObject({ status: 'expired', outcome: 'expired' });
      expect(await see('runs')).toMatchObject({
        ...{ status: 'failed', outcome: 'deadline', failures: 0, interruptions: 0 },
        message: 'Task failed: its deadline passed',
      });
      expect((await service.call('GET', '/tasks/runs/attempts')).body.attempts).toMatchObject([
        { outcome: 'deadline' },
      ]);
      const late = await post('/tasks/runs/complete', { lease_id });
      expect([late.status, late.body.reason]).toEqual([409, 'expired']);
      expect((await post('/tasks/runs/redrive')).body.status).toBe('queued');
      expect(await see('runs')).toMatchObject({ deadline_at: '2026-01-01T02:00:00.000Z' });
    });

    it.each([
      { deadline: 5, deadline_at: '2030-01-01T00:00:00Z' },
      { deadline: 0 },
      { deadline: 31_622_401 },
      { deadline_at: 'soon' },
    ])('is refused: %j', async (fields) => {
      expect((await post('/tasks', { eval_id: 'a', code: 'x', ...fields })).status).toBe(422);
    });

    it('is part of the content of a task', async () => {
      await post('/tasks', { eval_id: 'a', code: 'x', deadline: 60 });
      expect((await post('/tasks', { eval_id: 'a', code: 'x', deadline: 60 })).status).toBe(200);
      expect((await post('/tasks', { eval_id: 'a', code: 'x', deadline: 61 })).status).toBe(409);
    });

    it('leaves a batch redrive those that it ended', async () => {
      await post('/tasks', { eval_id: 'late', code: 'x', deadline: 60, batch_id: 'set' });
      await claim();
      await pass(60);
      expect((await post('/batches/set/redrive', { outcome: 'lost' })).body.tasks_redriven).toBe(0);
      expect((await post('/batches/set/redrive', { outcome: 'deadline' })).body.tasks_redriven).toBe(1);
    });
  });

  it('a task of 30 days is leased for as long as its worker says, or for its timeout', async () => {
    await post('/tasks', { eval_id: 'long', code: 'x', timeout: 30 * DAY, max_interruptions: 1 });
    const { lease_id, heartbeat_interval } = await claim(30);
    expect(heartbeat_interval).toBe(10);
    await pass(29);
    await post('/tasks/long/heartbeat', { lease_id });
    await pass(29);
    expect(await see('long')).toMatchObject({ status: 'processing' });
    await pass(1);
    expect(await see('long')).toMatchObject({ status: 'queued', interruptions: 1 });
    await claim();
    await pass(30 * DAY + 29);
    expect((await see('long')).status).toBe('processing');
    await pass(1);
    expect(await see('long')).toMatchObject({ status: 'failed', outcome: 'lost' });
  });
});
