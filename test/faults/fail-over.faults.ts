import { setTimeout as delay } from 'node:timers/promises';
import type { Ms } from '../support/history.js';
import type { RedisServer } from '../support/redis-server.js';
import { until } from '../support/until.js';
import type { Fault, MakeFault } from './redis.faults.js';
import { ask } from './redis.stage.js';

/** Replicas hear nothing of their master for this time before it dies: only so a fail-over is sure to lose something. */
const UNHEARD_MS = 700;
/** What replicas may lag behind when they hear everything. */
const LAG_MS = 500;

/** Where the master is, and how to tell that another one has taken over. */
interface Topology {
  master(): Promise<RedisServer>;
  replaced(old: RedisServer): Promise<RedisServer>;
  /** Replicas that each master has. */
  readonly replicas: number;
}

export interface FailOverOptions {
  /** Only with the dead master back, as a replica, there are as many replicas as writes wait for. */
  readonly needsOld?: boolean;
}

/** The master that the sentinels watch cannot reach its replicas any more, and ends as in a crash. */
export const failOverSentinel: MakeFault = ({ sentinel }) =>
  failOver({
    master: () => sentinel.master(),
    replaced: (old) => sentinel.untilReplaced(old),
    replicas: sentinel.servers.length - 1,
  });

/** The same with the master of a cluster that has the tasks. */
export function failOverCluster(options: FailOverOptions = {}): MakeFault {
  const key = '{default}';
  return ({ cluster }) =>
    failOver(
      {
        master: () => cluster.masterOf(key),
        replaced: (old) => cluster.untilReplaced(key, old),
        replicas: 1,
      },
      options,
    );
}

async function failOver(topology: Topology, { needsOld = false }: FailOverOptions = {}): Promise<Fault> {
  let old = await topology.master();
  let next = old;
  let losesFrom: Ms | undefined;
  let failOvers = 0;
  const bringBack = async () => {
    await old.restart();
    await until(async () => (await followersOf(next)) === topology.replicas);
  };
  return {
    async begin() {
      old = await topology.master();
      losesFrom = performance.now() - LAG_MS;
      await cutOff(old);
      await delay(UNHEARD_MS);
      await old.kill();
    },
    async heal() {
      next = await topology.replaced(old);
      failOvers += 1;
      if (needsOld) await bringBack();
    },
    async restore() {
      if (!needsOld) await bringBack();
    },
    effects: () => failOvers,
    losesFrom: () => losesFrom,
  };
}

/** Replicas lose their connection to the master and are refused another one. It forgets this when it is started again. */
async function cutOff(master: RedisServer): Promise<void> {
  await ask(master, async (redis) => {
    await redis.acl('SETUSER', 'default', '-psync', '-sync');
    await redis.call('CLIENT', 'KILL', 'TYPE', 'replica');
  });
}

/** Replicas that have caught up. A Sentinel closes the connections of a server that it makes a master: then none is known. */
async function followersOf(master: RedisServer): Promise<number> {
  const text = await ask(master, (redis) => redis.info('replication')).catch(() => '');
  return [...text.matchAll(/^slave\d+:.*state=online/gm)].length;
}
