import { WorkerQuarantine } from '../../src/workers/worker-quarantine.js';
import { OutageJudge } from '../../src/queue/outage-judge.js';
import { describeStores } from '../support/describe-stores.js';
import { type Answer, startTestApp, type TestApp } from '../support/test-app.js';

let service: TestApp;

const post = (path: string, body: unknown = {}): Promise<Answer> => service.call('POST', path, { body });
const see = async (id: string) => (await service.call('GET', `/tasks/${id}`)).body;
const queue = async () => (await service.call('GET', '/queues/default')).body;

async function enqueue(count: number, fields: object = {}): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `t${index}`);
  await post('/tasks/batch', { tasks: ids.map((eval_id) => ({ eval_id, code: 'x', ...fields })) });
  return ids;
}

interface Held {
  readonly eval_id: string;
  readonly lease_id: string;
}

async function claim(worker: string): Promise<Held | undefined> {
  const { body } = await post('/tasks/claim', { worker_id: worker, lease: 30 });
  return (body.tasks as Held[])[0];
}

async function pass(seconds: number): Promise<void> {
  service.clock.advanceSeconds(seconds);
  await service.sweep();
  await service.app.get(OutageJudge).look();
}

/** A worker that loses everything it gets, until it gets nothing. Returns how many attempts it had. */
async function breakAll(worker: string): Promise<number> {
  for (let attempts = 0; ; attempts += 1) {
    const held = await claim(worker);
    if (held === undefined || attempts === 20) return attempts;
    await post(`/tasks/${held.eval_id}/fail`, { lease_id: held.lease_id, outcome: 'lost' });
    await service.app.get(WorkerQuarantine).look();
  }
}

describeStores(({ startApp, name, settings }) => {
  beforeEach(async () => {
    service = await startApp();
  });

  afterEach(() => service.close());

  describe('an outage of a queue', () => {
    it('spends no interruption, lets one probe through a second, and ends with ordinary ends', async () => {
      const ids = await enqueue(12);
      for (const id of ids) await claim(`w-${id}`);
      await pass(30);
      for (const id of ids) {
        expect(await see(id)).toMatchObject({ status: 'queued', interruptions: 0, interruptions_spared: 1 });
      }
      const { body } = await service.call('GET', '/tasks/t0/attempts');
      expect(body.attempts).toMatchObject([{ outcome: 'lost', is_spared: true }]);
      const { outage, outage_guard } = await queue();
      expect([typeof (outage as { since: string }).since, outage_guard]).toEqual([
        'string',
        { window: 60, min_attempts: 10, share: 0.8 },
      ]);
      expect((await service.call('GET', '/metrics')).text).toContain(
        'crucible_queue_outage{queue="default"} 1',
      );
      const probe = await claim('w0');
      expect(await claim('w1')).toBeUndefined();
      await pass(1);
      expect(await claim('w1')).toBeDefined();
      expect(await claim('w2')).toBeUndefined();
      await post(`/tasks/${probe?.eval_id ?? ''}/complete`, { lease_id: probe?.lease_id });
      await pass(1);
      expect((await queue()).outage).toBeNull();
      expect(await claim('w2')).toBeDefined();
      expect(await claim('w3')).toBeDefined();
    });

    it('gives back what was counted before it was recognized', async () => {
      const ids = await enqueue(12);
      for (const id of ids) {
        await claim(`w-${id}`);
        await pass(1);
      }
      for (let second = 0; second < 20; second += 1) await pass(1);
      expect((await see('t0')).interruptions).toBe(1);
      for (let second = 0; second < 11; second += 1) await pass(1);
      expect((await queue()).outage).not.toBeNull();
      for (const id of ids)
        expect(await see(id)).toMatchObject({ interruptions: 0, interruptions_spared: 1 });
    });

    it('counts reports of broken machines, and none of this where the guard is off', async () => {
      await service.call('PATCH', '/queues/default', { body: { outage_guard: null } });
      expect((await queue()).outage_guard).toBeNull();
      const ids = await enqueue(12, { max_interruptions: 0 });
      for (const id of ids) {
        const held = await claim(`w-${id}`);
        await post(`/tasks/${id}/fail`, { lease_id: held?.lease_id, outcome: 'lost' });
      }
      for (const id of ids) expect(await see(id)).toMatchObject({ status: 'failed', outcome: 'lost' });
      const guard = { min_attempts: 2, window: 30 };
      await service.call('PATCH', '/queues/default', { body: { outage_guard: guard } });
      expect((await queue()).outage_guard).toEqual({ ...guard, share: 0.8 });
      const wrong = await service.call('PATCH', '/queues/default', { body: { outage_guard: { share: 2 } } });
      expect(wrong.status).toBe(422);
    });

    if (name === 'redis') {
      it('is recognized, obeyed and ended by several processes together', async () => {
        const shared = settings();
        const processes = [await startTestApp(shared), await startTestApp(shared)];
        const [one, other] = processes as [TestApp, TestApp];
        const by = async (process: TestApp, path: string, body: object) =>
          (await process.call('POST', path, { body })).body;
        const look = async () => {
          // The first pass of a process shares its notes, and the next reads those of the others.
          for (const { app } of [...processes, ...processes]) await app.get(OutageJudge).look();
        };
        const claimBy = async (process: TestApp, worker: string) =>
          ((await by(process, '/tasks/claim', { worker_id: worker })).tasks as Held[])[0];
        try {
          const ids = Array.from({ length: 12 }, (_, index) => `t${index}`);
          await by(one, '/tasks/batch', { tasks: ids.map((eval_id) => ({ eval_id, code: 'x' })) });
          // Each process sees five interruptions, which are too few alone.
          const turnOf = (index: number) => (index % 2 === 0 ? one : other);
          const held: (Held | undefined)[] = [];
          for (let index = 0; index < 10; index += 1) held.push(await claimBy(turnOf(index), `w${index}`));
          for (const [index, task] of held.entries()) {
            const loss = { lease_id: task?.lease_id, outcome: 'lost' };
            await by(turnOf(index), `/tasks/${task?.eval_id ?? ''}/fail`, loss);
          }
          expect((await one.call('GET', '/queues/default')).body.outage).toBeNull();
          await look();
          for (const process of processes) {
            const { body } = await process.call('GET', '/queues/default');
            expect(body.outage).not.toBeNull();
            expect((await process.call('GET', '/metrics')).text).toContain(
              'crucible_queue_outage{queue="default"} 1',
            );
          }
          const { tasks } = (await other.call('GET', '/tasks')).body as { tasks: Record<string, number>[] };
          expect(tasks.map(({ interruptions }) => interruptions)).toEqual(ids.map(() => 0));
          // One probe in all, not one of each.
          const probes = [await claimBy(one, 'p1'), await claimBy(other, 'p2')];
          const [probe, ...rest] = probes.filter((held) => held !== undefined);
          expect(rest).toEqual([]);
          const passSecond = () => {
            for (const { clock } of processes) clock.advanceSeconds(1);
          };
          passSecond();
          await by(other, `/tasks/${probe?.eval_id ?? ''}/complete`, { lease_id: probe?.lease_id });
          passSecond();
          await look();
          for (const process of processes)
            expect((await process.call('GET', '/queues/default')).body.outage).toBeNull();
        } finally {
          await Promise.all(processes.map((process) => process.close()));
        }
      });
    }

    it('outlives a restart of the judge, and is over after a window without interruptions', async () => {
      for (const id of await enqueue(12)) await claim(`w-${id}`);
      await pass(30);
      expect((await queue()).outage).not.toBeNull();
      await pass(61);
      expect((await queue()).outage).toBeNull();
    });
  });

  describe('a worker that breaks what it gets', () => {
    it('is quarantined while others end, with a reason, until it is resumed', async () => {
      await enqueue(20);
      const good = await claim('good');
      expect(await breakAll('broken-alone')).toBe(20);
      await service.close();
      service = await startApp();
      await enqueue(20);
      await claim('good');
      const broken = await claim('broken');
      await post(`/tasks/${broken?.eval_id ?? ''}/fail`, { lease_id: broken?.lease_id, outcome: 'lost' });
      const other = await claim('good');
      await post(`/tasks/${other?.eval_id ?? ''}/complete`, { lease_id: other?.lease_id });
      expect(await breakAll('broken')).toBeLessThanOrEqual(5);
      const listed = async () => {
        const { body } = await service.call('GET', '/workers');
        return (body.workers as Record<string, unknown>[]).find(({ worker_id }) => worker_id === 'broken');
      };
      expect(await listed()).toMatchObject({
        status: 'draining',
        quarantine: {
          reason: 'Its last 5 attempts were interrupted, while attempts of other workers ended',
        },
      });
      expect((await service.call('GET', '/metrics')).text).toContain('crucible_workers_quarantined 1');
      expect(await claim('good')).toBeDefined();
      await service.app.get(WorkerQuarantine).look();
      await post('/workers/broken/resume');
      expect(await listed()).toMatchObject({ status: 'active', quarantine: null });
      expect(await claim('broken')).toBeDefined();
      expect(good).toBeDefined();
    });

    it('is not, where the quarantine is off', async () => {
      await service.close();
      service = await startApp({ WORKER_QUARANTINE_AFTER: '0' });
      await enqueue(20);
      const good = await claim('good');
      await post(`/tasks/${good?.eval_id ?? ''}/complete`, { lease_id: good?.lease_id });
      expect(await breakAll('broken')).toBe(20);
    });
  });

  // The rules are the same in every store, and this takes some seconds.
  if (name !== 'embedded') return;

  it('spares 72 tasks on 12 workers in two network outages of 65 s, fails a killer task and quarantines a broken worker', async () => {
    const WORKERS = Array.from({ length: 12 }, (_, index) => `w${index}`);
    const RUN_SECONDS = 20;
    const ids = await enqueue(72, { max_attempts: 1 });
    await post('/tasks', { eval_id: 'killer', code: 'x', priority: 5, backoff: { type: 'fixed', delay: 0 } });
    const held = new Map<string, Held & { until: number }>();
    let [brokenAttempts, quarantinedAt] = [0, 0];
    const isCut = (second: number) => (second >= 30 && second < 95) || (second >= 200 && second < 265);
    for (let second = 0; second < 900; second += 5) {
      if (!isCut(second)) {
        for (const worker of WORKERS) {
          const task = held.get(worker);
          if (task === undefined) {
            const next = await claim(worker);
            // The killer takes its worker with it, which is started anew and knows nothing of it.
            if (next !== undefined && next.eval_id !== 'killer')
              held.set(worker, { ...next, until: second + RUN_SECONDS });
          } else if (task.until <= second) {
            await post(`/tasks/${task.eval_id}/complete`, { lease_id: task.lease_id });
            held.delete(worker);
          } else {
            const kept = await post(`/tasks/${task.eval_id}/heartbeat`, { lease_id: task.lease_id });
            if (kept.status === 409) held.delete(worker);
          }
        }
        if (second >= 100 && second < 200) {
          const next = await claim('broken');
          if (next !== undefined) {
            brokenAttempts += 1;
            await post(`/tasks/${next.eval_id}/fail`, { lease_id: next.lease_id, outcome: 'lost' });
          } else quarantinedAt ||= second;
        }
      }
      await pass(5);
      await service.app.get(WorkerQuarantine).look();
    }
    const states = await Promise.all(ids.map(see));
    expect(
      states.filter(({ status }) => status !== 'completed').map(({ eval_id, status }) => [eval_id, status]),
    ).toEqual([]);
    expect(states.filter(({ failures }) => failures !== 0)).toEqual([]);
    expect(await see('killer')).toMatchObject({ status: 'failed', outcome: 'lost', interruptions: 4 });
    expect(brokenAttempts).toBeLessThanOrEqual(6);
    expect(quarantinedAt).toBeGreaterThan(0);
  });
});
