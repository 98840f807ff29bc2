import { EmbeddedTaskStore } from '../../src/storage/embedded/embedded-task-store.js';
import { SystemClock } from '../../src/storage/embedded/system-clock.js';
import type { TaskStore } from '../../src/storage/task-store.js';
import type { BenchContext } from './bench.context.js';
import { median } from './contest.js';
import { LanedQueue, type Lanes } from './laned.queue.js';
import { RedisMeter } from './redis.meter.js';
import { startRedis } from './redis.section.js';
import { openBenchStore } from './store.queue.js';

const SECTION = 'lanes';
const DEPTH = 100_000;
const ROUNDS = 20;
const WARM_UP_ROUNDS = 5;
const CLAIMS_PER_ROUND = 1_024;
const CALLERS = 64;
const WANTED = { atMost: 1.5 };
const LANES: readonly Lanes[] = ['plain', 'groups', 'limited'];

/** What one claim took. */
interface Sample {
  readonly microseconds: number;
  /** Of all processes that took part. */
  readonly processor: number;
}

type Measure = (work: () => Promise<void>) => Promise<Sample>;
type Samples = Readonly<Record<Lanes, Sample[]>>;

/** A claim where a thousand groups take turns, and one behind tasks that their limit holds back, beside one of a plain queue. */
export async function lanesSection(context: BenchContext): Promise<void> {
  const settings = { retention: 86_400, retentionMaxTasks: 1_000, retentionMaxBytes: 2 ** 32 };
  const directory = context.freshDirectory();
  const embedded = await EmbeddedTaskStore.open({ directory, clock: new SystemClock(), settings });
  report(context, 'embedded', await compare(context, embedded, measureHere));
  await embedded.close();
  const server = await startRedis(context, 'everysec');
  const meter = new RedisMeter(server.port);
  const redis = await openBenchStore({ port: server.port, name: 'lanes' });
  const measure: Measure = async (work) => {
    const sample = await meter.measure(CLAIMS_PER_ROUND, work);
    const processor = sample.ownMicroseconds + sample.redisMicroseconds;
    return { microseconds: 1e6 / sample.perSecond, processor };
  };
  report(context, 'redis', await compare(context, redis, measure));
  await redis.close();
  await meter.close();
  await server.stop();
}

/** In turns; the order changes from round to round. */
async function compare(context: BenchContext, store: TaskStore, measure: Measure): Promise<Samples> {
  const queues = LANES.map((lanes) => ({ lanes, queue: new LanedQueue(store, lanes) }));
  for (const { queue } of queues) await queue.fill(context.scaled(DEPTH));
  const samples: Samples = { plain: [], groups: [], limited: [] };
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    queues.reverse();
    for (const { lanes, queue } of queues) {
      await queue.refill(CLAIMS_PER_ROUND);
      globalThis.gc?.();
      const sample = await measure(() => claimAll(queue));
      if (round >= 0) samples[lanes].push(sample);
    }
  }
  return samples;
}

async function claimAll(queue: LanedQueue): Promise<void> {
  let left = CLAIMS_PER_ROUND;
  const call = async () => {
    while (left > 0) {
      left -= 1;
      if ((await queue.claim(1)) === 0) throw new Error('Nothing was ready');
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
}

const measureHere: Measure = async (work) => {
  const before = process.cpuUsage();
  const from = performance.now();
  await work();
  const microseconds = ((performance.now() - from) * 1000) / CLAIMS_PER_ROUND;
  const { user, system } = process.cpuUsage(before);
  return { microseconds, processor: (user + system) / CLAIMS_PER_ROUND };
};

function report(context: BenchContext, store: string, samples: Samples): void {
  const names = { groups: '1000 groups', limited: `${context.scaled(DEPTH)} limited tasks ahead` };
  const add = (what: string, value: number, unit: string, wanted?: { atMost: number }) => {
    context.report({ section: SECTION, name: `${store}: ${what}`, value, unit, wanted });
  };
  const ratio = (lanes: Lanes, measure: keyof Sample) =>
    median(samples[lanes].map((sample, round) => sample[measure] / (samples.plain[round]?.[measure] ?? NaN)));
  for (const lanes of ['groups', 'limited'] as const) {
    add(`claim, ${names[lanes]} ÷ plain`, ratio(lanes, 'microseconds'), '×', WANTED);
    add(`… processor time`, ratio(lanes, 'processor'), '×');
  }
  for (const lanes of LANES) {
    const name = lanes === 'plain' ? 'plain' : names[lanes];
    add(`claim, ${name}`, median(samples[lanes].map(({ microseconds }) => microseconds)), 'µs');
  }
}
