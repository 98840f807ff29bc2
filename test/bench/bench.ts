/** `npm run bench -- [SECTION …] [-o table|json] [--scale N] [--connections N] [--directory DIR] [--baseline MAIN.JS]` */
import { cpus, loadavg, tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BenchContext, type Figure, type Section } from './bench.context.js';
import { depthSection } from './depth.section.js';
import { enqueueSection } from './enqueue.section.js';
import { idleSection } from './idle.section.js';
import { lanesSection } from './lanes.section.js';
import { LoadClient } from './load.client.js';
import { redisSection } from './redis.section.js';
import { replicasSection } from './replicas.section.js';
import { rivalsSection } from './rivals.section.js';
import { storeSection } from './store.section.js';
import { wakeSection } from './wake.section.js';
import { workSection } from './work.section.js';

const SECTIONS: Readonly<Record<string, Section>> = {
  enqueue: enqueueSection,
  work: workSection,
  rivals: rivalsSection,
  store: storeSection,
  redis: redisSection,
  replicas: replicasSection,
  lanes: lanesSection,
  wake: wakeSection,
  depth: depthSection,
  idle: idleSection,
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      output: { type: 'string', short: 'o', default: 'table' },
      scale: { type: 'string', default: '1' },
      connections: { type: 'string', default: '64' },
      directory: { type: 'string', default: tmpdir() },
      baseline: { type: 'string' },
    },
  });
  const names = positionals.length === 0 ? Object.keys(SECTIONS) : positionals;
  const unknown = names.filter((name) => !(name in SECTIONS));
  if (unknown.length > 0) throw new Error(`No section ${unknown.join(', ')}; there are ${sectionNames()}`);
  const baseline = values.baseline === undefined ? undefined : resolve(values.baseline);
  const load = new LoadClient();
  const context = new BenchContext(load, {
    directory: resolve(values.directory),
    connections: Number(values.connections),
    scale: Number(values.scale),
    baseline,
  });
  const machine = describeMachine();
  context.say(machine);
  try {
    for (const name of names) {
      await SECTIONS[name]?.(context);
      // Figures that were taken on a busy machine should say so.
      const [value = NaN] = loadavg();
      context.report({ section: name, name: 'load average of the machine at the end', value, unit: '' });
    }
  } finally {
    load.stop();
    context.removeDirectories();
  }
  const { figures } = context;
  console.log(values.output === 'json' ? JSON.stringify({ machine, figures }, null, 2) : table(figures));
}

function sectionNames(): string {
  return Object.keys(SECTIONS).join(', ');
}

function describeMachine(): string {
  const [first] = cpus();
  const load = loadavg()[0]?.toFixed(2) ?? '?';
  return `${new Date().toISOString()}, Node ${process.versions.node}, ${cpus().length} × ${first?.model.trim() ?? 'CPU'}, load ${load}`;
}

function table(figures: readonly Figure[]): string {
  const rows = figures.map(({ section, name, value, unit, wanted }) => [
    section,
    name,
    `${rounded(value)} ${unit}`,
    wanted === undefined ? '' : `${wish(wanted)} ${isMet(value, wanted) ? 'met' : 'MISSED'}`,
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0), 0));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')).join('\n');
}

function rounded(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

function wish(wanted: NonNullable<Figure['wanted']>): string {
  return 'atLeast' in wanted ? `≥ ${wanted.atLeast}` : `≤ ${wanted.atMost}`;
}

function isMet(value: number, wanted: NonNullable<Figure['wanted']>): boolean {
  return 'atLeast' in wanted ? value >= wanted.atLeast : value <= wanted.atMost;
}

// The servers that were started end with this process, whatever ends it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
await main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
