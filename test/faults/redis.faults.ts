import type { Ms } from '../support/history.js';
import { LEASE_MS } from './load.js';
import { ask, type RedisStage } from './redis.stage.js';
import { freePort } from '../support/free-port.js';

/** Something that is broken again and again. */
export interface Fault {
  /** Resolves when it has begun. */
  begin(): Promise<void>;
  heal(): Promise<void>;
  /** Makes the next round possible, after the service is back. */
  restore?(): Promise<void>;
  /** Counts what shows that it took effect. */
  effects(): number | Promise<number>;
  /** Since when writes of this round may be undone. */
  losesFrom?(): Ms | undefined;
}

export type MakeFault = (stage: RedisStage) => Fault | Promise<Fault>;

/** The server ends as in a crash, and is started again on what it had synced. */
export const killRedis: MakeFault = ({ server }) => {
  let kills = 0;
  return {
    async begin() {
      await server.kill();
      kills += 1;
    },
    heal: () => server.restart(),
    effects: () => kills,
  };
};

/** The server stands still; connections stay open. */
export const stopRedis: MakeFault = ({ server }) => {
  let stops = 0;
  return {
    async begin() {
      await server.pause();
      stops += 1;
    },
    async heal() {
      server.resume();
    },
    effects: () => stops,
  };
};

/** The network between the replicas that are proxied and Redis swallows everything. */
export const blackHole: MakeFault = ({ network }) => ({
  async begin() {
    network.blackhole();
  },
  heal: () => network.pass(),
  effects: () => network.swallowed,
});

/** Redis gets every command and runs it, and its answers get lost. */
export const loseReplies: MakeFault = ({ network }) => ({
  begin: () => network.dropReplies(),
  heal: () => network.pass(),
  effects: () => network.swallowed,
});

/** Redis forgets the scripts all the time. */
export const flushScripts: MakeFault = ({ server }) => {
  let isOver = true;
  let flushing: Promise<void> | undefined;
  const flush = () =>
    ask(server, async (redis) => {
      while (!isOver) await redis.script('FLUSH');
    });
  return {
    async begin() {
      isOver = false;
      flushing = flush();
    },
    async heal() {
      isOver = true;
      await flushing;
    },
    effects: () =>
      ask(server, async (redis) => countOf(await redis.info('errorstats'), /NOSCRIPT:count=(\d+)/)),
  };
};

/** Redis may use no more memory than it does now, and evicts nothing. */
export const fillMemory: MakeFault = ({ server }) => ({
  begin: () =>
    ask(server, async (redis) => {
      const used = countOf(await redis.info('memory'), /used_memory:(\d+)/);
      await redis.config('SET', 'maxmemory', used);
    }),
  heal: () =>
    ask(server, async (redis) => {
      await redis.config('SET', 'maxmemory', 0);
    }),
  effects: () => ask(server, async (redis) => countOf(await redis.info('errorstats'), /OOM:count=(\d+)/)),
});

/** Redis follows another server, which is not there, and takes no writes. */
export const makeReadOnly: MakeFault = ({ server }) => ({
  begin: () =>
    ask(server, async (redis) => {
      await redis.replicaof('127.0.0.1', await freePort());
    }),
  heal: () =>
    ask(server, async (redis) => {
      await redis.replicaof('NO', 'ONE');
    }),
  effects: () =>
    ask(server, async (redis) => countOf(await redis.info('errorstats'), /READONLY:count=(\d+)/)),
});

/** One replica of the service stands still, longer than its leases last. */
export const stopReplica: MakeFault = ({ first }) => {
  let stops = 0;
  return {
    async begin() {
      await first.process.freeze();
      stops += 1;
    },
    async heal() {
      first.process.thaw();
    },
    effects: () => stops,
  };
};

/** One replica of the service ends as in a crash. */
export const killReplica: MakeFault = ({ first }) => {
  let kills = 0;
  return {
    async begin() {
      await first.kill();
      kills += 1;
    },
    heal: () => first.start(),
    effects: () => kills,
  };
};

/** Nothing is broken but the clock of the second replica, all the time: what it logged at its start shows by how much. */
export const clocksApart: MakeFault = ({ second }) => ({
  begin: () => Promise.resolve(),
  heal: () => Promise.resolve(),
  effects: () => {
    const logged = Number(/"timestamp":(\d+)/.exec(second.process.log)?.[1] ?? 0);
    return Math.max(0, Math.round((logged - Date.now()) / 60_000));
  },
});

/** How long a replica must stand still so that all leases which it gave out are over. */
export const PAST_LEASES_MS = LEASE_MS + 1_500;

function countOf(info: string, pattern: RegExp): number {
  return Number(pattern.exec(info)?.[1] ?? 0);
}
