import type { BenchContext } from './bench.context.js';
import { contest, type Contestant, ratioOf, reportSamples } from './contest.js';
import { BATCH_SIZE, type Traffic } from './load.traffic.js';
import { PROGRAMS, ServerProcess } from './server.process.js';

const BODY_BYTES = 600;

interface Servers {
  readonly name: string;
  readonly server: ServerProcess;
}

/** What workers and readers do, beside the same application without a store. */
export async function workSection(context: BenchContext): Promise<void> {
  const { baseline } = context.options;
  const programs = [
    ['service', PROGRAMS.service],
    ...(baseline === undefined ? [] : [['baseline', baseline] as const]),
    ['no-op', PROGRAMS.noop],
  ] as const;
  const servers: Servers[] = [];
  for (const [name, program] of programs) {
    const env = { DATA_DIR: context.freshDirectory() };
    servers.push({ name, server: await ServerProcess.start({ program, env }) });
  }
  await claimAndComplete(context, servers);
  await readStatus(context, servers);
  for (const { server } of servers) await server.stop();
}

async function claimAndComplete(context: BenchContext, servers: readonly Servers[]): Promise<void> {
  const contestants = servers.map(({ name, server }): Contestant => {
    const prepare = (round: number, units: number) => fill(context, server, { prefix: `w${round}`, units });
    const traffic = (): Traffic => ({ kind: 'work' });
    return name === 'no-op' ? { name, server, traffic } : { name, server, traffic, prepare };
  });
  const section = 'claim + complete';
  const samples = await contest(context, contestants, {
    rounds: 9,
    unitsPerRound: context.scaled(15_000),
    warmUpUnits: context.scaled(30_000),
  });
  reportSamples(context, section, samples);
  reportRatios(context, section, (other) => ratioOf(samples, ['service', other], 'perSecond'));
}

async function readStatus(context: BenchContext, servers: readonly Servers[]): Promise<void> {
  const count = BATCH_SIZE * 20;
  for (const { name, server } of servers) {
    if (name !== 'no-op') await fill(context, server, { prefix: 'q', units: count });
  }
  const traffic = (): Traffic => ({ kind: 'read', prefix: 'q', from: 0, count });
  const section = 'read status';
  const samples = await contest(
    context,
    servers.map((server) => ({ ...server, traffic })),
    { rounds: 9, unitsPerRound: context.scaled(20_000), warmUpUnits: context.scaled(40_000) },
  );
  reportSamples(context, section, samples);
  reportRatios(context, section, (other) => ratioOf(samples, ['service', other], 'perSecond'));
}

function reportRatios(context: BenchContext, section: string, ratio: (other: string) => number): void {
  context.report({ section, name: 'service ÷ no-op', value: ratio('no-op'), unit: '×' });
  if (context.options.baseline === undefined) return;
  context.report({ section, name: 'service ÷ baseline', value: ratio('baseline'), unit: '×' });
}

/** Enqueues enough for a round, many at a time. */
export async function fill(
  context: BenchContext,
  server: ServerProcess,
  { prefix, units, connections = 4 }: { prefix: string; units: number; connections?: number },
): Promise<void> {
  const traffic: Traffic = { kind: 'batch', prefix, from: 0, bodyBytes: BODY_BYTES };
  const batches = Math.ceil((units + context.options.connections) / BATCH_SIZE);
  await context.load.run({ port: server.port, connections, units: batches, traffic });
}
