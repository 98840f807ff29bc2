import { Cluster, Redis, type RedisOptions } from 'ioredis';
import {
  type ConnectionSettings,
  guardedOptions,
  reconnectDelay,
  sentinelTimeoutMs,
  tlsOptions,
} from './connection-options.js';
import type { ClusterEndpoint, RedisEndpoint, RedisHost, SentinelEndpoint } from '../config/redis-url.js';

/** The options that a caller can choose. Options that prevent a second execution are fixed. */
export type ConnectionChoices = Pick<RedisOptions, 'enableReadyCheck' | 'lazyConnect' | 'autoResubscribe'>;

/** Milliseconds between the ready checks of a server that loads its data. */
const LOADING_POLL_MS = 500;
/** Enough to follow a moved slot and a key that is being migrated. */
const MOST_REDIRECTIONS = 4;
const TRY_AGAIN_MS = 10;
/** Milliseconds between two reads of the node list by a connection to any node of a cluster. */
const LEARN_EVERY_MS = 10_000;

/**
 * A client of one server that executes each command at most once and reconnects forever. The server is the standalone
 * one, the master that the Sentinels report, or any node of a cluster, a different one on each attempt.
 *
 * During an outage it queues nothing, and it repeats no command after a lost connection. A command without a reply in
 * time rejects, and may have run. The caller listens for `error`.
 *
 * @param nodes the known nodes of a cluster; by default the connection asks for them
 */
export function connectRedis(
  endpoint: RedisEndpoint,
  settings: ConnectionSettings,
  choices: ConnectionChoices = {},
  nodes?: () => readonly RedisHost[],
): Redis {
  const common = {
    ...guardedOptions(endpoint, settings),
    ...choices,
    maxLoadingRetryTime: LOADING_POLL_MS,
    retryStrategy: delayOf(settings),
  };
  switch (endpoint.kind) {
    case 'standalone': {
      const { host, port, db } = endpoint;
      return new Redis({ ...common, host, port, db, tls: tlsOptions(endpoint, settings, host) });
    }
    case 'sentinel':
      return new Redis({ ...common, ...sentinelOptions(endpoint, settings) });
    case 'cluster':
      return connectAnyNode(endpoint, settings, common, nodes);
  }
}

/**
 * A client of a cluster that executes each command at most once and reconnects forever.
 *
 * A command that a node redirects follows its slot. A command whose connection was lost is never repeated. The caller
 * listens for `error` and `node error`.
 */
export function connectCluster(endpoint: ClusterEndpoint, settings: ConnectionSettings): Cluster {
  const cluster = new Cluster([...endpoint.hosts], {
    clusterRetryStrategy: delayOf(settings),
    enableOfflineQueue: false,
    // The retries of ioredis would repeat commands that may have run. Without retries, the caller decides.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    // The caller limits the time for a command whose slot is being migrated.
    maxRedirections: MOST_REDIRECTIONS,
    retryDelayOnTryAgain: TRY_AGAIN_MS,
    // The ready check would reconnect when the asked node knows of a fault anywhere.
    enableReadyCheck: false,
    slotsRefreshTimeout: settings.timeoutMs / 2,
    // A certificate contains the name of its node; the default lookup would verify the address.
    dnsLookup: (host, done) => {
      done(null, host);
    },
    redisOptions: { ...guardedOptions(endpoint, settings), tls: tlsOptions(endpoint, settings) },
  });
  cluster.on('+node', handleAsking);
  return cluster;
}

/**
 * ioredis sends ASKING before a redirected command and ignores its reply. If the connection of a leaving node ends at
 * that moment, the unhandled rejection would end the process. The command itself rejects as well.
 */
function handleAsking(node: Redis): void {
  const asking = node.asking.bind(node);
  node.asking = () => {
    const answer = asking();
    answer.catch(() => undefined);
    return answer;
  };
}

/** Closes the connection: no reconnect follows and no handle stays open. */
export async function disconnectRedis(redis: Redis | Cluster): Promise<void> {
  // Between two attempts there is no socket to wait for.
  const hasEnd = redis.status !== 'reconnecting' && redis.status !== 'end';
  await new Promise<void>((resolve) => {
    if (hasEnd) redis.once('end', resolve);
    redis.disconnect();
    if (!hasEnd) resolve();
  });
}

/** Drops the connection and the unsent bytes; a reconnect follows. */
export function resetConnection(redis: Redis): void {
  // Undefined before the first attempt.
  const stream = redis.stream as Redis['stream'] | undefined;
  if (!stream || stream.destroyed) return;
  // Node cannot reset a TLS connection; bytes in flight may still arrive.
  if ('encrypted' in stream) stream.destroy();
  else stream.resetAndDestroy();
}

function delayOf(settings: ConnectionSettings): (attempt: number) => number {
  return settings.reconnectDelay ?? ((attempt) => reconnectDelay(attempt, Math.random()));
}

function sentinelOptions(endpoint: SentinelEndpoint, settings: ConnectionSettings): RedisOptions {
  const { sentinelUsername, sentinelPassword } = settings;
  const tls = tlsOptions(endpoint, settings);
  return {
    sentinels: [...endpoint.hosts],
    name: endpoint.masterName,
    db: endpoint.db,
    sentinelUsername,
    sentinelPassword,
    sentinelCommandTimeout: sentinelTimeoutMs(settings),
    sentinelRetryStrategy: delayOf(settings),
    ...{ tls, sentinelTLS: tls, enableTLSForSentinelMode: endpoint.isTls },
  };
}

/** Any node will do, because every node forwards messages to all others. */
function connectAnyNode(
  endpoint: ClusterEndpoint,
  settings: ConnectionSettings,
  common: RedisOptions,
  nodes?: () => readonly RedisHost[],
): Redis {
  const learned = new ClusterNodes();
  let turn = Math.floor(Math.random() * endpoint.hosts.length);
  const nextNode = (): RedisOptions => {
    const known = nodes?.() ?? learned.hosts;
    const hosts = known.length > 0 ? known : endpoint.hosts;
    const { host, port } = hosts[turn++ % hosts.length] ?? {};
    return { host, port, tls: tlsOptions(endpoint, settings, host) };
  };
  const redis = new Redis({
    ...common,
    ...nextNode(),
    retryStrategy: (attempt) => {
      // Learned nodes may have left the cluster, so the nodes of the URL are retried as well.
      if (attempt % 4 === 0) learned.forget();
      Object.assign(redis.options, nextNode());
      return delayOf(settings)(attempt);
    },
  });
  if (nodes === undefined) learned.follow(redis);
  return redis;
}

/** The nodes of a cluster, as reported by the connected node. */
class ClusterNodes {
  hosts: readonly RedisHost[] = [];

  forget(): void {
    this.hosts = [];
  }

  follow(redis: Redis): void {
    const timer = setInterval(() => void this.learn(redis), LEARN_EVERY_MS);
    timer.unref();
    redis.on('ready', () => void this.learn(redis));
    redis.on('end', () => {
      clearInterval(timer);
    });
  }

  /** Disconnects from a node outside the cluster: its messages reach no other node. */
  private async learn(redis: Redis): Promise<void> {
    if (redis.status !== 'ready') return;
    try {
      const ranges = await redis.cluster('SLOTS');
      const nodes = ranges.flatMap(([, , ...servers]) =>
        servers.map(([host, port]) => [host, port] as const),
      );
      const hosts = new Map(nodes.map(([host, port]) => [`${host}:${port}`, { host, port }]));
      this.hosts = [...hosts.values()].filter(({ host }) => host !== '');
      if (nodes.length === 0) resetConnection(redis);
    } catch {
      // Without permission or after a lost connection, the known nodes stay.
    }
  }
}
