import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { RedisServer } from '../support/redis-server.js';
import type { BenchContext } from './bench.context.js';
import { BullQueue } from './bull.queue.js';
import { median } from './contest.js';
import { RedisMeter, type RedisSample } from './redis.meter.js';
import type { QueueOptions, RedisQueue } from './redis.queue.js';
import { StoreQueue } from './store.queue.js';

const SECTION = 'redis';
/** How often Redis syncs its log of the writes. */
const SYNCS = ['everysec', 'always'] as const;
const ROUNDS = 9;
const WARM_UP_UNITS = 6_000;
/** In short samples, after a collection of garbage, BullMQ is at a disadvantage: see docs/measurements/2026-11-28.md. */
const UNITS = 6_000;
/** A lone caller waits for every answer; it is slower by so much. */
const UNITS_OF_ONE = 600;
const CALLERS = [64, 1, 256];
const OPERATIONS = ['enqueue', 'cycle'] as const;
const WANTED = { enqueue: 1, cycle: 1.5 };

type Operation = (typeof OPERATIONS)[number];
type Opener = (options: QueueOptions) => Promise<RedisQueue>;
type Samples = Record<Operation, RedisSample[]>;

interface Setting {
  readonly server: RedisServer;
  readonly sync: string;
  readonly callers: number;
}

/**
 * The Redis store beside BullMQ, on one Redis, in turns. A cycle is a claim and a completion.
 */
export async function redisSection(context: BenchContext): Promise<void> {
  const openers = await openersFor(context);
  for (const sync of SYNCS) {
    const server = await startRedis(context, sync);
    for (const callers of CALLERS)
      report(context, await compare(context, openers, { server, sync, callers }));
    await server.stop();
  }
}

async function openersFor({ options: { baseline } }: BenchContext): Promise<ReadonlyMap<string, Opener>> {
  const openers = new Map<string, Opener>([
    ['store', (options) => StoreQueue.open(options)],
    ['BullMQ', (options) => BullQueue.open(options)],
  ]);
  if (baseline !== undefined) {
    const path = join(dirname(baseline), 'storage/redis/redis-task-store.js');
    const { RedisTaskStore } = await import(pathToFileURL(path).href);
    openers.set('baseline', (options) => StoreQueue.open(options, RedisTaskStore));
  }
  return openers;
}

/** With a log that is synced `everysec` or `always`. */
export function startRedis(context: BenchContext, sync: string): Promise<RedisServer> {
  const log = ['--appendonly', 'yes', '--appendfsync', sync, '--auto-aof-rewrite-percentage', '0'];
  return RedisServer.start({ args: ['--dir', context.freshDirectory(), ...log] });
}

/** Rounds in turns, each all of one operation and then all of the other; the order changes from round to round. */
async function compare(
  context: BenchContext,
  openers: ReadonlyMap<string, Opener>,
  { server, sync, callers }: Setting,
): Promise<Result> {
  const meter = new RedisMeter(server.port);
  const queues = new Map<string, RedisQueue>();
  for (const [name, open] of openers) queues.set(name, await open({ port: server.port, name }));
  const samples = new Map(
    [...queues.keys()].map((name): [string, Samples] => [name, { enqueue: [], cycle: [] }]),
  );
  const units = context.scaled(callers === 1 ? UNITS_OF_ONE : UNITS);
  for (let round = 0; round <= ROUNDS; round += 1) {
    const entries = [...queues];
    if (round % 2 === 1) entries.reverse();
    for (const operation of OPERATIONS) {
      for (const [name, queue] of entries) {
        const count = round === 0 ? context.scaled(WARM_UP_UNITS) : units;
        const sample = await meter.run({ queue, operation, callers, units: count });
        if (round > 0) samples.get(name)?.[operation].push(sample);
      }
    }
  }
  for (const queue of queues.values()) await queue.close();
  await meter.clear();
  await meter.close();
  return { sync, callers, samples };
}

interface Result {
  readonly sync: string;
  readonly callers: number;
  readonly samples: ReadonlyMap<string, Samples>;
}

function report(context: BenchContext, { sync, callers, samples }: Result): void {
  for (const operation of OPERATIONS) {
    const add = (what: string, value: number, unit: string, wanted?: { atLeast: number }) => {
      const name = `${operation}, ${callers} callers, ${sync}: ${what}`;
      context.report({ section: SECTION, name, value, unit, wanted });
    };
    const of = (name: string) => samples.get(name)?.[operation] ?? [];
    const rivals = [...samples.keys()].filter((name) => name !== 'store');
    for (const rival of rivals) {
      const ratios = of('store').map(({ perSecond }, at) => perSecond / (of(rival)[at]?.perSecond ?? NaN));
      const wanted = rival === 'BullMQ' ? { atLeast: WANTED[operation] } : undefined;
      add(`store ÷ ${rival}`, median(ratios), '×', wanted);
    }
    for (const name of samples.keys()) {
      const middle = (measure: keyof RedisSample) => median(of(name).map((sample) => sample[measure]));
      add(`rate of ${name}`, middle('perSecond'), '/s');
      add(`processor time of ${name}, own process`, middle('ownMicroseconds'), 'µs');
      add(`processor time of ${name}, Redis`, middle('redisMicroseconds'), 'µs');
    }
  }
}
