import type { BenchContext } from './bench.context.js';
import { median } from './contest.js';
import { RedisMeter, type RedisSample } from './redis.meter.js';
import { startRedis } from './redis.section.js';
import { ReplicaTeam } from './replica.team.js';

const SECTION = 'replicas';
const SIZES = [1, 2, 4];
const OPERATIONS = ['enqueue', 'cycle'] as const;
const ROUNDS = 7;
const WARM_UP_UNITS = 6_000;
const UNITS = 4_000;
/** Of all replicas together, as behind a load balancer. */
const CALLERS = 64;

type Operation = (typeof OPERATIONS)[number];
type Samples = Record<Operation, RedisSample[]>;

/** Two and four processes at one Redis against one, by turns, with the same callers and the same work. */
export async function replicasSection(context: BenchContext): Promise<void> {
  const server = await startRedis(context, 'everysec');
  const teams = new Map<number, ReplicaTeam>();
  for (const size of SIZES) {
    teams.set(size, await ReplicaTeam.start(size, { port: server.port, name: `team-of-${size}` }));
  }
  report(context, await compare(context, teams, new RedisMeter(server.port)));
  for (const team of teams.values()) await team.stop();
  await server.stop();
}

async function compare(
  context: BenchContext,
  teams: ReadonlyMap<number, ReplicaTeam>,
  meter: RedisMeter,
): Promise<ReadonlyMap<number, Samples>> {
  const samples = new Map(
    [...teams.keys()].map((size): [number, Samples] => [size, { enqueue: [], cycle: [] }]),
  );
  for (let round = 0; round <= ROUNDS; round += 1) {
    const entries = [...teams];
    if (round % 2 === 1) entries.reverse();
    const units = inShares(context.scaled(round === 0 ? WARM_UP_UNITS : UNITS));
    for (const operation of OPERATIONS) {
      for (const [size, team] of entries) {
        const work = { operation, callers: CALLERS, units };
        const sample = await meter.measure(units, () => team.drive(work));
        if (round > 0) samples.get(size)?.[operation].push(sample);
      }
    }
  }
  await meter.close();
  return samples;
}

/** A number that every team can share evenly. */
function inShares(units: number): number {
  const most = Math.max(...SIZES);
  return Math.ceil(units / most) * most;
}

function report(context: BenchContext, samples: ReadonlyMap<number, Samples>): void {
  for (const operation of OPERATIONS) {
    const add = (what: string, value: number, unit: string) => {
      context.report({ section: SECTION, name: `${operation}, ${what}`, value, unit });
    };
    const alone = samples.get(1)?.[operation] ?? [];
    for (const [size, { [operation]: taken }] of samples) {
      const ratios = taken.map(({ perSecond }, at) => perSecond / (alone[at]?.perSecond ?? NaN));
      const ofRedis = taken.map(({ redisMicroseconds }) => redisMicroseconds);
      if (size > 1) add(`${size} replicas ÷ one`, median(ratios), '×');
      add(`rate of ${size}`, median(taken.map(({ perSecond }) => perSecond)), '/s');
      add(`processor time of Redis, ${size}`, median(ofRedis), 'µs');
    }
  }
}
