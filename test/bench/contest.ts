import type { BenchContext } from './bench.context.js';
import type { Traffic } from './load.traffic.js';
import type { ServerProcess } from './server.process.js';

export interface Contestant {
  readonly name: string;
  readonly server: ServerProcess;
  /** What it is asked in one round, of so many units. */
  readonly traffic: (round: number, units: number) => Traffic;
  /** What must be there before a round; not measured. */
  readonly prepare?: (round: number, units: number) => Promise<void>;
}

export interface Sample {
  readonly perSecond: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  /** Of all threads of the server. */
  readonly cpuMicroseconds: number;
}

export interface ContestOptions {
  readonly rounds: number;
  readonly unitsPerRound: number;
  /** V8 has to see so many before it has compiled all. */
  readonly warmUpUnits: number;
}

export type Samples = ReadonlyMap<string, readonly Sample[]>;

/**
 * Measures in turns (A, B, C, A, B, C, …), so that whatever else the machine does meets all of them alike. While one
 * is measured the others are idle.
 */
export async function contest(
  context: BenchContext,
  contestants: readonly Contestant[],
  { rounds, unitsPerRound, warmUpUnits }: ContestOptions,
): Promise<Samples> {
  const samples = new Map(contestants.map(({ name }) => [name, [] as Sample[]]));
  for (const contestant of contestants) await round(context, contestant, 0, warmUpUnits);
  for (let number = 1; number <= rounds; number += 1) {
    for (const contestant of contestants) {
      samples.get(contestant.name)?.push(await round(context, contestant, number, unitsPerRound));
    }
    const rates = [...samples].map(([name, list]) => `${name} ${Math.round(list.at(-1)?.perSecond ?? 0)}/s`);
    context.say(`  round ${number}: ${rates.join(', ')}`);
  }
  return samples;
}

async function round(
  context: BenchContext,
  { server, traffic, prepare }: Contestant,
  number: number,
  units: number,
): Promise<Sample> {
  await prepare?.(number, units);
  const cpuBefore = server.cpuSeconds;
  const job = {
    port: server.port,
    connections: context.options.connections,
    units,
    traffic: traffic(number, units),
  };
  const { seconds, medianMs, p99Ms } = await context.load.run(job);
  const cpuMicroseconds = ((server.cpuSeconds - cpuBefore) / units) * 1e6;
  return { perSecond: units / seconds, medianMs, p99Ms, cpuMicroseconds };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? NaN) + upper) / 2 : upper;
}

/** The median of one measure of one contestant. */
export function medianOf(samples: Samples, name: string, measure: keyof Sample): number {
  return median((samples.get(name) ?? []).map((sample) => sample[measure]));
}

/** The median over the rounds of the ratio within a round: what slows both down does not count. */
export function ratioOf(
  samples: Samples,
  [name, other]: readonly [string, string],
  measure: keyof Sample,
): number {
  const others = samples.get(other) ?? [];
  return median(
    (samples.get(name) ?? []).map((sample, index) => sample[measure] / (others[index]?.[measure] ?? NaN)),
  );
}

/** Reports rate, latency and processor time of one contestant. */
export function reportSamples(context: BenchContext, section: string, samples: Samples): void {
  for (const name of samples.keys()) {
    const add = (what: string, measure: keyof Sample, unit: string) => {
      context.report({ section, name: `${name}: ${what}`, value: medianOf(samples, name, measure), unit });
    };
    add('rate', 'perSecond', '/s');
    add('latency, median', 'medianMs', 'ms');
    add('latency, p99', 'p99Ms', 'ms');
    add('processor time, all threads', 'cpuMicroseconds', 'µs');
  }
}
