import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Histogram } from 'prom-client';
import { MetricsRegistry } from '../../../src/metrics/metrics-registry.js';
import { startTestApp } from '../../support/test-app.js';
import { documentsOf, isThere, type Node, ROOT, valuesOf } from './manifests.js';

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const rulesOf = (file: string) =>
  valuesOf(documentsOf(`deploy/prometheus/rules/${file}`), 'rules').flat() as Rule[];

const recording = rulesOf('recording.yml');
const alerts = rulesOf('alerts.yml');
const dashboard = JSON.parse(
  readFileSync(join(ROOT, 'deploy/grafana/dashboards/crucible-queue.json'), 'utf8'),
) as Node;
const panels = dashboard.panels as { title: string; targets: { expr: string }[] }[];
const queries = valuesOf(dashboard.templating, 'query').filter((query) => typeof query === 'string');
const asked = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
const expressions = [...[...recording, ...alerts].map(({ expr }) => expr), ...asked];

interface Selector {
  readonly metric: string;
  readonly labels: readonly string[];
}

/** The series that an expression selects, and the labels that it selects them by. */
function selectorsOf(expression: string): Selector[] {
  return [...expression.matchAll(/\b((?:crucible|nodejs|process)_\w+)(?:\{([^}]*)\})?/g)].map(
    ([, metric = '', selected = '']) => ({
      metric,
      labels: [...selected.matchAll(/(\w+)=/g)].map(([, label = '']) => label),
    }),
  );
}

/** The labels after `by` and `on`. */
function groupsOf(expression: string): string[] {
  return [...expression.matchAll(/\b(?:by|on|without) \(([^)]*)\)/g)].flatMap(([, names = '']) =>
    names.split(/, */),
  );
}

/** The series that the service has, with their labels. */
async function series(): Promise<ReadonlyMap<string, readonly string[]>> {
  const service = await startTestApp();
  const metrics = service.app.get(MetricsRegistry, { strict: false }).getMetricsAsArray();
  await service.close();
  return new Map(
    metrics.flatMap((metric): [string, readonly string[]][] => {
      const { labelNames } = metric as unknown as { labelNames: string[] };
      if (!(metric instanceof Histogram)) return [[metric.name, labelNames]];
      const ends = ['_bucket', '_sum', '_count'];
      return ends.map((end) => [metric.name + end, [...labelNames, 'le']]);
    }),
  );
}

/** Given by Prometheus to whatever it reads. */
const TARGET_LABELS = ['job', 'instance'];

describe('deploy/prometheus and deploy/grafana', () => {
  it('ask for series that the service has, by labels that they have', async () => {
    const known = await series();
    const selectors = [...expressions, ...queries].flatMap(selectorsOf);
    const strange = selectors.filter(({ metric, labels }) => {
      const names = known.get(metric);
      return !names || labels.some((label) => ![...names, ...TARGET_LABELS].includes(label));
    });
    expect(selectors.length).toBeGreaterThan(40);
    expect(strange).toEqual([]);
    const all = new Set([...TARGET_LABELS, ...[...known.values()].flat()]);
    expect(expressions.flatMap(groupsOf).filter((label) => !all.has(label))).toEqual([]);
  });

  it('take the maximum of what replicas share, and the rate of what only grows', () => {
    for (const expression of expressions) {
      const shared = [...expression.matchAll(/(.{0,40})\bcrucible_(?:tasks|oldest_ready_age_seconds)\b/g)];
      for (const [, before] of shared) expect(before).toMatch(/max( by \([^)]*\))? \($|max\($/);
      const growing = [...expression.matchAll(/(.{0,9})\b\w+(?:_total|_bucket|_count)\b/g)];
      for (const [, before] of growing) expect(before).toMatch(/(?:rate|increase)\($/);
    }
  });

  it('close every bracket', () => {
    for (const expression of expressions) {
      const bare = expression.replace(/"[^"]*"/g, '');
      for (const [open, close] of [
        ['(', ')'],
        ['{', '}'],
        ['[', ']'],
      ] as const) {
        expect(bare.split(open).length).toBe(bare.split(close).length);
      }
    }
  });

  it('lead from every alert to a section of the operations manual', () => {
    const manual = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');
    const anchors = [...manual.matchAll(/^#+ (.*)$/gm)].map(
      ([, title = '']) =>
        `docs/operations.md#${title
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-')}`,
    );
    const runbooks = alerts.map(({ annotations }) => annotations?.runbook);
    expect(runbooks.length).toBeGreaterThan(5);
    expect(runbooks.filter((runbook) => !anchors.includes(runbook ?? ''))).toEqual([]);
    expect(alerts.every(({ annotations }) => (annotations?.summary ?? '') !== '')).toBe(true);
  });

  it('name what they record by the level, the metric and the operation', () => {
    expect(recording.filter(({ record = '' }) => !/^[a-z_]+:crucible_\w+:\w+$/.test(record))).toEqual([]);
    expect(new Set(recording.map(({ record }) => record)).size).toBe(recording.length);
  });

  it('are found by the Prometheus beside the service', () => {
    const [config] = documentsOf('deploy/prometheus/prometheus.yml');
    expect(config?.rule_files).toEqual(['rules/*.yml']);
    expect(isThere('deploy/prometheus/prometheus.yml', 'rules/alerts.yml')).toBe(true);
    const panelIds = valuesOf(dashboard.panels, 'id');
    expect(new Set(panelIds).size).toBe(panels.length);
  });
});
