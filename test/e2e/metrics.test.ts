import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MetricsRegistry } from '../../src/metrics/metrics-registry.js';
import { describeStores } from '../support/describe-stores.js';
import { samplesOf, valueOf } from '../support/metrics.text.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

async function metricsOf(service: TestApp): Promise<string> {
  return (await service.call('GET', '/metrics')).text;
}

async function claimOne(service: TestApp): Promise<string> {
  const { body } = await service.call('POST', '/tasks/claim', {
    body: { worker_id: 'w1', queues: ['blue'] },
  });
  const [task] = body.tasks as { lease_id: string }[];
  if (task === undefined) throw new Error('Nothing was ready');
  return task.lease_id;
}

describeStores(({ name, startApp }) => {
  describe('the metrics', () => {
    let service: TestApp;

    beforeAll(async () => {
      service = await startApp();
      const enqueue = (eval_id: string) =>
        service.call('POST', '/tasks', { body: { eval_id, queue: 'blue', code: 'x', max_attempts: 2 } });
      await enqueue('first');
      await enqueue('second');
      service.clock.advanceSeconds(3);
      const lease_id = await claimOne(service);
      service.clock.advanceSeconds(2);
      await service.call('POST', '/tasks/first/fail', { body: { lease_id, retry_after: 0 } });
      await service.call('POST', '/tasks/first/complete', { body: { lease_id: await claimOne(service) } });
      await claimOne(service);
      service.clock.advanceSeconds(3600);
      await service.sweep();
      await service.call('GET', '/tasks/first');
      await service.call('GET', '/nowhere/secret-path');
    });

    afterAll(() => service.close());

    it('count what was enqueued, delivered again, lost and finished', async () => {
      const text = await metricsOf(service);
      const queue = 'blue';
      const count = (metric: string, labels = {}) =>
        valueOf(text, `crucible_${metric}`, { queue, ...labels });
      expect(count('tasks_enqueued_total')).toBe(2);
      expect(count('tasks_finished_total', { outcome: 'completed' })).toBe(1);
      expect(count('tasks_finished_total', { outcome: 'expired' })).toBe(0);
      expect(count('task_redeliveries_total', { reason: 'retry' })).toBe(1);
      expect(count('task_redeliveries_total', { reason: 'lost' })).toBe(1);
      expect(count('lease_losses_total')).toBe(1);
    });

    it('measure waiting and running by the clock of the store', async () => {
      const text = await metricsOf(service);
      const queue = 'blue';
      expect(valueOf(text, 'crucible_task_wait_seconds_count', { queue })).toBe(3);
      expect(valueOf(text, 'crucible_task_run_seconds_sum', { queue, outcome: 'failed' })).toBe(2);
    });

    it('show what is in the store', async () => {
      const text = await metricsOf(service);
      const queue = 'blue';
      expect(valueOf(text, 'crucible_tasks', { queue, state: 'queued' })).toBe(1);
      expect(valueOf(text, 'crucible_tasks', { queue, state: 'completed' })).toBe(1);
      expect(valueOf(text, 'crucible_oldest_ready_age_seconds', { queue })).toBe(0);
      expect(valueOf(text, 'crucible_store_available')).toBe(1);
      expect(valueOf(text, 'crucible_store_subscribed')).toBe(1);
      expect(valueOf(text, 'crucible_store_write_seconds_count', { operation: 'insert' })).toBe(2);
    });

    it('name routes by their templates, and what no route takes by one name', async () => {
      const routes = samplesOf(await metricsOf(service))
        .filter((sample) => sample.name === 'crucible_http_request_duration_seconds_count')
        .map(({ labels, value }) => [`${labels.method} ${labels.route} ${labels.status}`, value]);
      expect(routes).toContainEqual(['GET /tasks/:eval_id 200', 1]);
      expect(routes).toContainEqual(['GET none 404', 1]);
      expect(routes).toContainEqual(['POST /tasks 201', 2]);
      expect(await metricsOf(service)).not.toContain('secret-path');
    });

    it('are those that docs/metrics.md lists', () => {
      const metrics = service.app.get(MetricsRegistry, { strict: false }).getMetricsAsArray();
      const own = metrics.filter((metric) => metric.name.startsWith('crucible_'));
      const rows = own.map((metric) => {
        const { labelNames } = metric as unknown as { labelNames: string[] };
        return [metric.name, typeOf(metric), labelNames.join(' ')];
      });
      expect(rows.toSorted()).toEqual(documented().toSorted());
      const others = metrics.filter((metric) => !metric.name.startsWith('crucible_'));
      expect(others.every(({ name: other }) => /^(process|nodejs)_/.test(other))).toBe(true);
    });

    it(`keep the timeline on the ${name} store, too`, async () => {
      const { body } = await service.call('GET', '/timeline?step=300');
      const points = body.points as Record<string, number>[];
      expect(body.step).toBe(300);
      expect(points).toHaveLength(12);
      expect((await service.call('GET', '/timeline?step=7')).status).toBe(422);
    });
  });
});

function typeOf(metric: object): string {
  return (metric as unknown as { type: string }).type;
}

/** The rows of the tables in docs/metrics.md: name, type, labels. */
function documented(): string[][] {
  const text = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  return [...text.matchAll(/^\| `(crucible_\w+)` +\| (\w+) +\| ([^|]*?) *\|/gm)].map(
    ([, name = '', type = '', labels = '']) => [
      name,
      type,
      labels.replace(/[`,]/g, '').replace('–', '').trim(),
    ],
  );
}

describe('access to the metrics', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crucible-metrics-'));
  const file = join(directory, 'keys.json');

  beforeAll(() => {
    const entry = (id: string, queues: readonly string[]) => ({
      id,
      sha256: createHash('sha256').update(`secret-key-of-${id}`).digest('hex'),
      roles: ['viewer'],
      queues,
    });
    writeFileSync(file, JSON.stringify({ keys: [entry('wide', ['*']), entry('narrow', ['blue'])] }));
  });

  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  it('takes a key for every queue', async () => {
    const service = await startTestApp({ API_KEYS_FILE: file });
    const answers = ['/metrics', '/timeline'].flatMap((path) => [
      service.call('GET', path),
      service.call('GET', path, { key: 'secret-key-of-narrow' }),
      service.call('GET', path, { key: 'secret-key-of-wide' }),
    ]);
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    await service.close();
    expect(statuses).toEqual([401, 403, 200, 401, 403, 200]);
  });

  it('takes no key for METRICS_PUBLIC', async () => {
    const service = await startTestApp({ API_KEYS_FILE: file, METRICS_PUBLIC: 'true' });
    const { status, headers } = await service.call('GET', '/metrics');
    const timeline = await service.call('GET', '/timeline');
    await service.close();
    expect([status, timeline.status]).toEqual([200, 401]);
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  });
});
