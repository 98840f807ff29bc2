import { Cluster, Redis, type RedisOptions } from 'ioredis';
import {
  type ConnectionSettings,
  guardedOptions,
  reconnectDelay,
  sentinelTimeoutMs,
  tlsOptions,
} from './connection-options.js';
import type { ClusterEndpoint, RedisEndpoint, RedisHost, SentinelEndpoint } from '../config/redis-url.js';

/** What a user of a connection may choose; everything that guards against a second execution is fixed. */
export type ConnectionChoices = Pick<RedisOptions, 'enableReadyCheck' | 'lazyConnect' | 'autoResubscribe'>;

/** How often a server that loads its data is asked whether it is done, by a connection with a ready check. */
const LOADING_POLL_MS = 500;
/** Enough to follow a slot to its new node and a key to the node that its slot is being moved to. */
const MOST_REDIRECTIONS = 4;
const TRY_AGAIN_MS = 10;
/** How often a connection to any node of a cluster asks which nodes there are. */
const LEARN_EVERY_MS = 10_000;

/**
 * A client of one server that executes each command at most once and reconnects for ever: of the only one, of the
 * master that the Sentinels name, or of any node of a cluster, another one each time, whichever the URL names: the nodes
 * that it has now.
 *
 * Nothing is queued while the connection is away and nothing is sent again after it was lost: a command whose reply
 * did not come in time rejects, and whether it ran is not known. The caller listens for `error`.
 *
 * @param nodes which nodes a cluster has, when somebody knows that; by default the connection asks
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
 * A client of a cluster that executes each command at most once and reconnects for ever.
 *
 * A command that a node has refused because another one holds the slot follows it there; one whose connection was lost
 * is not sent again, neither there nor elsewhere. The caller listens for `error` and `node error`.
 */
export function connectCluster(endpoint: ClusterEndpoint, settings: ConnectionSettings): Cluster {
  const cluster = new Cluster([...endpoint.hosts], {
    clusterRetryStrategy: delayOf(settings),
    enableOfflineQueue: false,
    // These two would send again what may have been executed, or what was refused only for a moment, at random nodes
    // until the time is up. Refused at once, it leaves the decision to the caller.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    // The caller knows how long it may go on with a command that no node takes while its slot is being moved.
    maxRedirections: MOST_REDIRECTIONS,
    retryDelayOnTryAgain: TRY_AGAIN_MS,
    // It would give up and begin anew when the node that it asks knows of a fault anywhere.
    enableReadyCheck: false,
    slotsRefreshTimeout: settings.timeoutMs / 2,
    // A certificate has the name of its node; the default would look for the address in it.
    dnsLookup: (host, done) => {
      done(null, host);
    },
    redisOptions: { ...guardedOptions(endpoint, settings), tls: tlsOptions(endpoint, settings) },
  });
  cluster.on('+node', handleAsking);
  return cluster;
}

/**
 * The client sends ASKING before a command that it takes to another node, and looks at no answer: when the connection of a
 * node that leaves the cluster ends just then, the rejection would end the process. The command itself is rejected, too.
 */
function handleAsking(node: Redis): void {
  const asking = node.asking.bind(node);
  node.asking = () => {
    const answer = asking();
    answer.catch(() => undefined);
    return answer;
  };
}

/** Ends the connection for good: no further attempt, no handle left open. */
export async function disconnectRedis(redis: Redis | Cluster): Promise<void> {
  // Between two attempts there is no socket whose end could be awaited.
  const hasEnd = redis.status !== 'reconnecting' && redis.status !== 'end';
  await new Promise<void>((resolve) => {
    if (hasEnd) redis.once('end', resolve);
    redis.disconnect();
    if (!hasEnd) resolve();
  });
}

/** Drops the connection so that nothing still on its way to Redis can arrive; the next attempt follows. */
export function resetConnection(redis: Redis): void {
  // Before the first attempt there is none.
  const stream = redis.stream as Redis['stream'] | undefined;
  if (!stream || stream.destroyed) return;
  // Node cannot reset a TLS connection; there, what is on its way may still arrive.
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

/** Every node of a cluster passes messages on to all others, so any will do, until it goes. */
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
      // One of them may be there again that has left the cluster meanwhile, so those of the URL have their turn, too.
      if (attempt % 4 === 0) learned.forget();
      Object.assign(redis.options, nextNode());
      return delayOf(settings)(attempt);
    },
  });
  if (nodes === undefined) learned.follow(redis);
  return redis;
}

/** The nodes of a cluster, as the one tells to which a connection leads. */
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

  /** A node without a cluster is left: what it is told there, nobody else hears. */
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
      // This user may not ask, or the connection has ended: what was known stays.
    }
  }
}
