import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MetricsRegistry } from '../../../src/metrics/metrics-registry.js';
import { startTestApp, type TestApp } from '../../support/test-app.js';
import { documentsOf, ROOT, valuesOf } from './manifests.js';

const RULES = 'deploy/prometheus/rules/alerts.yml';
const TESTS = 'deploy/prometheus/tests/alerts.test.yml';

function promtool(...args: readonly string[]): string {
  return execFileSync('promtool', args, { cwd: ROOT, encoding: 'utf8' });
}

describe('the rules of Prometheus', () => {
  it('are read by it', () => {
    expect(promtool('check', 'rules', RULES, 'deploy/prometheus/rules/recording.yml')).toContain('SUCCESS');
  });

  it('alert when they should, and not when a series is absent', () => {
    expect(promtool('test', 'rules', TESTS)).toContain('SUCCESS');
  });

  it('are each tested to fire, and not to fire', () => {
    const text = readFileSync(join(ROOT, TESTS), 'utf8');
    for (const alert of documentsOf(RULES).flatMap((document) => valuesOf(document, 'alert'))) {
      expect(text).toMatch(new RegExp(`alertname: ${String(alert)} }`));
      expect(text).toMatch(new RegExp(`alertname: ${String(alert)}\\n\\s+exp_alerts:`));
    }
  });
});

describe('the metrics that rules are about', () => {
  let service: TestApp;

  beforeEach(async () => {
    service = await startTestApp();
  });

  afterEach(() => service.close());

  const metrics = async () => {
    await service.app.get(MetricsRegistry, { strict: false }).metrics();
    return service.app.get(MetricsRegistry, { strict: false }).metrics();
  };

  it('are there from the start for a queue that was filled before it', async () => {
    await service.call('POST', '/tasks', { body: { eval_id: 'a', code: 'x', queue: 'q' } });
    const text = await metrics();
    expect(text).toMatch(/^crucible_task_wait_seconds_count\{queue="q"\} 0$/m);
    expect(text).toMatch(/^crucible_lease_losses_total\{queue="q"\} 0$/m);
    expect(text).toMatch(/^crucible_queue_paused\{queue="q"\} 0$/m);
  });

  it('are all there, under the names that rules use', async () => {
    await service.call('POST', '/tasks', { body: { eval_id: 'a', code: 'x', queue: 'q' } });
    const text = await metrics();
    const rules = readFileSync(join(ROOT, RULES), 'utf8');
    for (const [name] of rules.matchAll(/\b(?:crucible|process|nodejs)_[a-z0-9_]+/g))
      expect(text).toMatch(new RegExp(`^${name}[ {]`, 'm'));
    expect(text).toMatch(/^crucible_parked_polls_limit 10000$/m);
  });

  it('tell which queues are paused', async () => {
    await service.call('POST', '/queues/q/pause');
    expect(await metrics()).toMatch(/^crucible_queue_paused\{queue="q"\} 1$/m);
    await service.call('POST', '/queues/q/resume');
    expect(await metrics()).not.toMatch(/^crucible_queue_paused\{queue="q"\} 1$/m);
  });
});
