import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import type { History, Ms, Operation } from '../support/history.js';
import { cutTail } from './aof-tail.fault.js';
import { failOverCluster, failOverSentinel } from './fail-over.faults.js';
import * as faults from './redis.faults.js';
import type { StagePlan } from './redis.stage.js';
import type { Span, Tolerance } from './reply.judge.js';
import { growAndShrink, shuffleSlots } from './resharding.faults.js';
import { projectRoot } from './service.js';

/** The columns of the promises: what holds depends on how Redis is run. */
export type Column =
  'AOF always, no failover' | 'AOF everysec, power cut' | 'failover, asynchronous' | 'failover, WAIT 1';

export interface Scenario {
  readonly name: string;
  readonly column: Column;
  readonly plan: StagePlan;
  readonly fault: faults.MakeFault;
  /** How long it lasts each time. */
  readonly lastsMs: Ms;
  readonly tolerance: Tolerance;
  /** Whose store is away while it lasts: they say that they are not ready, and answer parked polls. */
  readonly away: 'both' | 'first' | 'nobody';
  /** What was acknowledged shortly before may be undone. */
  readonly mayLose?: boolean;
  /** What else must be seen. */
  readonly complaints?: (history: History, spans: readonly Span[]) => string[];
}

const single: StagePlan = { topology: 'single' };
const refused = { refusals: 'both' } as const;
const away = { lastsMs: 4_000, tolerance: refused, away: 'both' } as const;
const durable = { column: 'AOF always, no failover', plan: single } as const;
/** Moving slots keeps everything. A master that has lost its last slot stays one, so that it can get some again. */
const resharded = {
  column: 'AOF always, no failover',
  plan: { topology: 'cluster', args: ['--cluster-allow-replica-migration', 'no'] },
  tolerance: refused,
  away: 'nobody',
} as const;
const shiftedClock = pathToFileURL(join(projectRoot(), 'test/faults/shifted-clock.mjs')).href;

export const REDIS_SCENARIOS: readonly Scenario[] = [
  { name: 'redis-kill', ...durable, ...away, fault: faults.killRedis },
  { name: 'redis-stop', ...durable, ...away, fault: faults.stopRedis, lastsMs: 5_000 },
  {
    name: 'redis-stutter',
    ...durable,
    fault: faults.stopRedis,
    lastsMs: 1_200,
    tolerance: refused,
    away: 'nobody',
  },
  {
    name: 'black-hole',
    ...durable,
    ...away,
    plan: { topology: 'single', proxied: 'both' },
    fault: faults.blackHole,
  },
  {
    name: 'black-hole-one',
    ...durable,
    plan: { topology: 'single', proxied: 'first' },
    fault: faults.blackHole,
    lastsMs: 4_000,
    tolerance: { refusals: 'first' },
    away: 'first',
  },
  {
    name: 'replies-lost',
    ...durable,
    ...away,
    plan: { topology: 'single', proxied: 'both' },
    fault: faults.loseReplies,
  },
  {
    name: 'replies-lost-briefly',
    ...durable,
    plan: { topology: 'single', proxied: 'both' },
    fault: faults.loseReplies,
    lastsMs: 300,
    tolerance: refused,
    away: 'nobody',
  },
  {
    name: 'script-flush',
    ...durable,
    fault: faults.flushScripts,
    lastsMs: 3_000,
    tolerance: { refusals: 'nobody' },
    away: 'nobody',
  },
  {
    name: 'memory-full',
    ...durable,
    fault: faults.fillMemory,
    lastsMs: 4_000,
    tolerance: { refusals: 'both', onlyEnqueues: true },
    away: 'nobody',
    complaints: stillReported,
  },
  { name: 'read-only', ...durable, ...away, fault: faults.makeReadOnly },
  {
    name: 'sentinel',
    ...away,
    column: 'failover, asynchronous',
    plan: { topology: 'sentinel' },
    fault: failOverSentinel,
    lastsMs: 0,
    mayLose: true,
  },
  {
    name: 'sentinel-wait',
    ...away,
    column: 'failover, WAIT 1',
    plan: { topology: 'sentinel', replicas: 2, env: { REDIS_WAIT_REPLICAS: '1' } },
    fault: failOverSentinel,
    lastsMs: 0,
  },
  {
    name: 'cluster',
    ...away,
    column: 'failover, asynchronous',
    plan: { topology: 'cluster' },
    fault: failOverCluster(),
    lastsMs: 0,
    mayLose: true,
  },
  {
    name: 'cluster-wait',
    ...away,
    column: 'failover, WAIT 1',
    plan: { topology: 'cluster', env: { REDIS_WAIT_REPLICAS: '1' } },
    fault: failOverCluster({ needsOld: true }),
    lastsMs: 0,
  },
  {
    name: 'reshard',
    ...resharded,
    fault: shuffleSlots,
    lastsMs: 5_000,
  },
  {
    name: 'scale',
    ...resharded,
    fault: growAndShrink,
    lastsMs: 2_000,
  },
  {
    name: 'aof-tail',
    ...away,
    column: 'AOF everysec, power cut',
    plan: { topology: 'single', isSyncedEverySecond: true },
    fault: cutTail,
    mayLose: true,
  },
  {
    name: 'replica-stop',
    ...durable,
    fault: faults.stopReplica,
    lastsMs: faults.PAST_LEASES_MS,
    tolerance: { refusals: 'first', mayBeMute: true },
    away: 'nobody',
  },
  {
    name: 'replica-kill',
    ...durable,
    fault: faults.killReplica,
    lastsMs: 2_000,
    tolerance: { refusals: 'nobody', mayBeMute: true },
    away: 'nobody',
  },
  {
    name: 'clocks-apart',
    ...durable,
    plan: {
      topology: 'single',
      envOfSecond: { NODE_OPTIONS: `--import ${shiftedClock}`, LOG_LEVEL: 'info', LOG_FORMAT: 'json' },
    },
    fault: faults.clocksApart,
    lastsMs: 3_000,
    tolerance: { refusals: 'nobody' },
    away: 'nobody',
  },
];

/** What gives memory back, or keeps a lease, works while enqueues are refused. */
function stillReported({ operations }: History, spans: readonly Span[]): string[] {
  const isDuring = ({ t0, t1 }: Operation) => spans.some((span) => t0 > span.t0 && t1 < span.t1);
  return (['complete', 'fail', 'heartbeat', 'lease'] as const)
    .filter((f) => !operations.some((each) => each.f === f && each.res === 'ok' && isDuring(each)))
    .map((f) => `INV-26: no ${f} worked while the memory was full`);
}
