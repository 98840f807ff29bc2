import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisSentinel } from '../support/redis-sentinel.js';
import { RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { LOAD_ENV, type Ports } from './load.js';
import { Service, type ServiceOptions } from './service.js';
import { freePort } from '../support/free-port.js';

/** Every write is synced before it is acknowledged. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always', '--auto-aof-rewrite-percentage', '0'];
const EVERY_SECOND = [...DURABLE, '--appendfsync', 'everysec'];
const SENTINEL_DOWN_AFTER_MS = 1_000;

export interface StagePlan {
  readonly topology: 'single' | 'sentinel' | 'cluster';
  /** The Redis of the topology that everybody asks, or only the first replica, is behind a proxy. */
  readonly proxied?: 'both' | 'first';
  readonly isSyncedEverySecond?: boolean;
  /** Of the master that the sentinels watch; by default one. */
  readonly replicas?: number;
  /** Of both replicas of the service. */
  readonly env?: Readonly<Record<string, string>>;
  /** Of the second replica alone. */
  readonly envOfSecond?: Readonly<Record<string, string>>;
  readonly main?: string;
  /** More of the command line of the servers. */
  readonly args?: readonly string[];
}

/** What keeps the tasks: one of these. */
interface Backend {
  readonly server?: RedisServer;
  readonly sentinel?: RedisSentinel;
  readonly cluster?: RedisCluster;
}

interface StageParts {
  readonly directory: string;
  readonly backend: Backend;
  readonly proxy: TcpProxy | undefined;
}

/** Fresh Redis servers and two replicas of the service that share them. Whoever opens it closes it. */
export class RedisStage {
  private constructor(
    private readonly parts: StageParts,
    readonly first: Replica,
    readonly second: Replica,
  ) {}

  static async open(plan: StagePlan): Promise<RedisStage> {
    const directory = await mkdtemp(join(tmpdir(), 'crucible-stage-'));
    const backend = await openBackend(plan);
    const proxy = plan.proxied && (await TcpProxy.to(required(backend.server).port));
    const parts = { directory, backend, proxy };
    const first = await replicaOf(plan, parts, 'first');
    const second = await replicaOf(plan, parts, 'second');
    const stage = new RedisStage(parts, first, second);
    try {
      await Promise.all([first.start(), second.start()]);
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  get ports(): Ports {
    return [this.first.port, this.second.port];
  }

  /** @throws Error when the topology is another one; so do the next three */
  get server(): RedisServer {
    return required(this.parts.backend.server);
  }

  get sentinel(): RedisSentinel {
    return required(this.parts.backend.sentinel);
  }

  get cluster(): RedisCluster {
    return required(this.parts.backend.cluster);
  }

  get network(): TcpProxy {
    return required(this.parts.proxy);
  }

  async close(): Promise<void> {
    const { directory, backend, proxy } = this.parts;
    await Promise.all([this.first.kill(), this.second.kill()]);
    await proxy?.close();
    await ownerOf(backend).stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** One replica of the service, which may be killed and started again in its place. */
export class Replica {
  private service: Service | undefined;

  constructor(private readonly options: ServiceOptions & { readonly port: number }) {}

  get port(): number {
    return this.options.port;
  }

  get process(): Service {
    return required(this.service);
  }

  async start(): Promise<void> {
    this.service = await Service.spawn(this.options);
    await this.service.ready();
  }

  async kill(): Promise<void> {
    await this.service?.kill();
  }
}

/** Asks a server directly, past any proxy. */
export async function ask<T>(server: RedisServer, question: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(server.url, { retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on('error', () => undefined);
  try {
    return await question(redis);
  } finally {
    redis.disconnect();
  }
}

async function openBackend(plan: StagePlan): Promise<Backend> {
  const { topology, isSyncedEverySecond, replicas = 1 } = plan;
  const args = [...(isSyncedEverySecond ? EVERY_SECOND : DURABLE), ...(plan.args ?? [])];
  switch (topology) {
    case 'single':
      return { server: await RedisServer.start({ args }) };
    case 'sentinel':
      return { sentinel: await RedisSentinel.start({ args, replicas, downAfterMs: SENTINEL_DOWN_AFTER_MS }) };
    case 'cluster':
      return { cluster: await RedisCluster.start({ args, replicas: 1 }) };
  }
}

function ownerOf({ server, sentinel, cluster }: Backend): Pick<RedisServer, 'url' | 'stop'> {
  return required(server ?? sentinel ?? cluster);
}

async function replicaOf(
  { proxied, env, envOfSecond, main }: StagePlan,
  { directory, backend, proxy }: StageParts,
  which: 'first' | 'second',
): Promise<Replica> {
  const isProxied = proxied === 'both' || proxied === which;
  const url = isProxied && proxy ? `redis://127.0.0.1:${proxy.port}` : ownerOf(backend).url;
  const own = which === 'second' ? envOfSecond : undefined;
  const settings = { ...LOAD_ENV, QUEUE_STORE: 'redis', REDIS_URL: url, ...env, ...own };
  return new Replica({ directory, port: await freePort(), main, env: settings });
}

function required<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('This stage has no such part');
  return part;
}
