import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Certificates } from './certificates.js';
import { RedisServer } from './redis-server.js';
import { endServer, launchServer } from './server-process.js';
import { until } from './until.js';
import { freePort } from './free-port.js';

export interface RedisSentinelOptions {
  readonly replicas?: number;
  /** How long a server must be silent before it is replaced. By default short, for those who wait for that. */
  readonly downAfterMs?: number;
  /** With them servers and Sentinels take TLS alone. */
  readonly certificates?: Certificates;
  /** More of the command line of the servers. */
  readonly args?: readonly string[];
}

/** One sentinel and a connection to it. */
interface Sentinel {
  readonly port: number;
  readonly directory: string;
  readonly process: ChildProcess;
  readonly redis: Redis;
}

/** No server of a busy machine is replaced. */
export const CALM_DOWN_AFTER_MS = 15_000;
const SENTINELS = 3;
const QUORUM = 2;

/** A master with replicas, watched by three sentinels, all real and on 127.0.0.1. Whoever starts it stops it. */
export class RedisSentinel {
  readonly masterName = 'crucible';

  private constructor(
    readonly servers: readonly RedisServer[],
    private readonly sentinels: readonly Sentinel[],
    private readonly scheme: 'redis' | 'rediss',
  ) {}

  /** Resolves when the replicas follow the master and the sentinels know each other. */
  static async start(options: RedisSentinelOptions = {}): Promise<RedisSentinel> {
    const { replicas = 1, certificates } = options;
    const master = await startServer(options);
    const follow = ['--replicaof', '127.0.0.1', String(master.port)];
    const followers = await Promise.all(Array.from({ length: replicas }, () => startServer(options, follow)));
    const sentinels = await Promise.all(
      Array.from({ length: SENTINELS }, () => startSentinel(master.port, options)),
    );
    const scheme = certificates ? 'rediss' : 'redis';
    const topology = new RedisSentinel([master, ...followers], sentinels, scheme);
    await until(() => topology.isComplete());
    return topology;
  }

  get url(): string {
    const hosts = this.sentinels.map(({ port }) => `127.0.0.1:${port}`);
    return `${this.scheme}+sentinel://${hosts.join(',')}/${this.masterName}`;
  }

  get sentinelPorts(): readonly number[] {
    return this.sentinels.map(({ port }) => port);
  }

  /** The server that the first sentinel takes for the master. */
  async master(): Promise<RedisServer> {
    const address = await this.sentinels[0]?.redis.call(
      'SENTINEL',
      'GET-MASTER-ADDR-BY-NAME',
      this.masterName,
    );
    const port = Array.isArray(address) ? Number(address[1]) : undefined;
    const master = this.servers.find((server) => server.port === port);
    if (!master) throw new Error(`The sentinels name port ${port}, which is none of these servers`);
    return master;
  }

  /** Kills the master. Resolves with the killed one at once; `untilReplaced` waits for the next. */
  async killMaster(): Promise<RedisServer> {
    const master = await this.master();
    await master.kill();
    return master;
  }

  /** Resolves with the new master when the sentinels name another one than this. */
  async untilReplaced(old: RedisServer): Promise<RedisServer> {
    await until(async () => (await this.master()) !== old);
    return this.master();
  }

  /** Ends every process and removes what they wrote. */
  async stop(): Promise<void> {
    await Promise.all(
      this.sentinels.map(async ({ process, redis, directory }) => {
        redis.disconnect();
        await endServer(process, 'SIGKILL');
        await rm(directory, { recursive: true, force: true });
      }),
    );
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  private async isComplete(): Promise<boolean> {
    const views = await Promise.all(
      this.sentinels.map(({ redis }) => redis.call('SENTINEL', 'MASTER', this.masterName)),
    );
    return views.every((view) => {
      const facts = pairs(view);
      const isWatched = facts.get('num-other-sentinels') === String(SENTINELS - 1);
      const hasReplicas = facts.get('num-slaves') === String(this.servers.length - 1);
      return isWatched && hasReplicas && facts.get('flags') === 'master';
    });
  }
}

async function startServer(
  { certificates, args = [] }: RedisSentinelOptions,
  more: readonly string[] = [],
): Promise<RedisServer> {
  const port = await freePort();
  const quick = ['--repl-diskless-sync-delay', '0', '--shutdown-timeout', '0'];
  return RedisServer.start({
    port,
    args: [...quick, ...(certificates?.serverArgs(port) ?? []), ...args, ...more],
  });
}

async function startSentinel(
  masterPort: number,
  { certificates, downAfterMs = 500 }: RedisSentinelOptions,
): Promise<Sentinel> {
  const directory = await mkdtemp(join(tmpdir(), 'crucible-sentinel-'));
  const port = await freePort();
  const file = join(directory, 'sentinel.conf');
  await writeFile(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${directory}`,
      'sentinel announce-ip 127.0.0.1',
      `sentinel monitor crucible 127.0.0.1 ${masterPort} ${QUORUM}`,
      `sentinel down-after-milliseconds crucible ${downAfterMs}`,
      // Twice this passes before another attempt, when the sentinels did not agree on a leader.
      'sentinel failover-timeout crucible 1000',
      '',
    ].join('\n'),
  );
  const process = await launchServer({
    command: 'redis-server',
    args: [file, '--sentinel', ...(certificates?.serverArgs(port) ?? [])],
    readyLine: 'Sentinel ID is',
  });
  const redis = new Redis({
    host: '127.0.0.1',
    port,
    tls: certificates?.clientOptions,
    retryStrategy: () => null,
    disconnectTimeout: 100,
  });
  redis.on('error', () => undefined);
  return { port, directory, process, redis };
}

/** Name, value, name, value, … */
function pairs(reply: unknown): ReadonlyMap<string, string> {
  const list = Array.isArray(reply) ? reply.map(String) : [];
  return new Map(list.flatMap((name, index) => (index % 2 === 0 ? [[name, list[index + 1] ?? '']] : [])));
}
