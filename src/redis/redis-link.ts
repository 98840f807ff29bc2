import { Logger } from '@nestjs/common';
import { Cluster, type Redis } from 'ioredis';
import { ClusterMonitor } from './cluster-monitor.js';
import type { ConnectionSettings } from './connection-options.js';
import { BEATS_PER_TIMEOUT, Heartbeat, takesWrites } from './heartbeat.js';
import { connectCluster, connectRedis, disconnectRedis } from './redis-connection.js';
import { describeEndpoint, type RedisEndpoint, type RedisHost } from '../config/redis-url.js';
import { Subscription, type SubscriptionOptions } from './subscription.js';

export interface RedisLinkOptions extends ConnectionSettings {
  readonly endpoint: RedisEndpoint;
  /** Whether writes wait for replicas, which requires a separate connection. */
  readonly hasWriter?: boolean;
  readonly logger?: Pick<Logger, 'log' | 'warn'>;
}

interface Monitor {
  readonly isHealthy: boolean;
  readonly trouble: string;
  beat(): void;
}

/** Error codes of wrong credentials, which retries cannot fix. */
const REFUSALS = ['WRONGPASS', 'NOAUTH'];

/** Connects to a standalone, Sentinel or cluster Redis. Returns at once; `ready` waits for the first connection. */
export function openRedisLink(options: RedisLinkOptions): RedisLink {
  return new RedisLink(options);
}

/**
 * A Redis with its command connection (in a cluster: one per node), and its availability.
 *
 * - **Writer.** Redis sends no reply on a connection that waits for replicas. If writes wait for replicas, `writer` is
 *   a separate connection; otherwise it is `client`.
 * - **Commands.** `client` executes each command at most once, queues none, and reconnects forever.
 * - **Availability.** Redis is available when it answers, has loaded its data and accepts writes; in a cluster, every
 *   master must. A silent Redis becomes unavailable within the timeout, even without commands. Its connections are then
 *   reset, and commands in flight reject.
 */
export class RedisLink {
  readonly client: Redis | Cluster;
  readonly writer: Redis | Cluster;
  readonly isCluster: boolean;
  private readonly address: string;
  private readonly logger: Pick<Logger, 'log' | 'warn'>;
  private readonly monitors: readonly Monitor[];
  private readonly subscriptions: { readonly redis: Redis; readonly subscription: Subscription }[] = [];
  private readonly listeners = new Set<(isAvailable: boolean) => void>();
  private readonly troubleListeners = new Set<() => void>();
  private readonly timer: NodeJS.Timeout;
  private wasAvailable = false;
  private hasLoggedTrouble = false;
  private closing?: Promise<void>;

  constructor(private readonly options: RedisLinkOptions) {
    const { endpoint } = options;
    this.address = describeEndpoint(endpoint);
    this.logger = options.logger ?? new Logger(RedisLink.name);
    this.isCluster = endpoint.kind === 'cluster';
    const main = this.connect(options);
    const writing = options.hasWriter ? this.connect({ ...options, name: `${options.name}-writer` }) : main;
    this.client = main.client;
    this.writer = writing.client;
    this.monitors = writing === main ? [main.monitor] : [main.monitor, writing.monitor];
    this.timer = setInterval(() => {
      this.beat();
    }, options.timeoutMs / BEATS_PER_TIMEOUT);
    this.timer.unref();
  }

  get isAvailable(): boolean {
    return this.trouble === undefined && this.closing === undefined;
  }

  /**
   * Calls `listener` with false at the start of an outage, and with true on the first connection and after each outage.
   */
  onChange(listener: (isAvailable: boolean) => void): void {
    this.listeners.add(listener);
  }

  /**
   * Resolves when Redis is available.
   *
   * @throws Error with one sentence, on timeout or wrong credentials
   */
  async ready(limitMs: number): Promise<void> {
    if (this.isAvailable) return;
    await new Promise<void>((resolve, reject) => {
      const look = (isOver: boolean): void => {
        const isRefused = REFUSALS.some((code) => this.trouble?.endsWith(code));
        if (!this.isAvailable && !isRefused && !isOver) return;
        clearTimeout(timer);
        this.troubleListeners.delete(onTrouble);
        if (this.isAvailable) resolve();
        else reject(this.absence(isRefused));
      };
      const onTrouble = (): void => {
        look(false);
      };
      const timer = setTimeout(look, limitMs, true);
      this.troubleListeners.add(onTrouble);
      onTrouble();
    });
  }

  /**
   * Subscribes on a further connection, which survives outages and ends with `close`. In a cluster it leads to any node
   * that `client` knows, as each node forwards messages to the others.
   */
  subscribe(options: SubscriptionOptions): Subscription {
    const { endpoint, name } = this.options;
    const settings = { ...this.options, name: `${name}-subscriber` };
    const redis = connectRedis(endpoint, settings, { autoResubscribe: false }, () => this.nodes());
    const { address, logger } = this;
    const subscription = new Subscription(redis, options, {
      ...{ address, logger },
      isAvailable: () => this.isAvailable,
      masters: () => (this.client instanceof Cluster ? this.client.nodes('master') : [this.client]),
    });
    this.subscriptions.push({ redis, subscription });
    return subscription;
  }

  /** Closes every connection. No reconnect follows. */
  close(): Promise<void> {
    this.closing ??= this.disconnect();
    return this.closing;
  }

  /** The reason of the outage, in a word or two. */
  private get trouble(): string | undefined {
    return this.monitors.find(({ isHealthy }) => !isHealthy)?.trouble;
  }

  /** The known addresses of the cluster nodes. */
  private nodes(): readonly RedisHost[] {
    const nodes = this.client instanceof Cluster ? this.client.nodes('all') : [];
    return nodes.flatMap(({ options: { host, port } }) =>
      host === undefined || port === undefined ? [] : [{ host, port }],
    );
  }

  private connect(options: RedisLinkOptions): {
    readonly client: Redis | Cluster;
    readonly monitor: Monitor;
  } {
    const { endpoint } = options;
    const onChange = (): void => {
      this.changed();
    };
    if (endpoint.kind === 'cluster') {
      const client = connectCluster(endpoint, options);
      return { client, monitor: new ClusterMonitor(client, onChange) };
    }
    const client = connectRedis(endpoint, options);
    return { client, monitor: new Heartbeat(client, takesWrites, onChange) };
  }

  private async disconnect(): Promise<void> {
    clearInterval(this.timer);
    this.listeners.clear();
    const clients = [...new Set([this.client, this.writer]), ...this.subscriptions.map(({ redis }) => redis)];
    await Promise.all(clients.map(disconnectRedis));
  }

  private beat(): void {
    for (const monitor of this.monitors) monitor.beat();
    for (const { subscription } of this.subscriptions) subscription.beat();
  }

  private changed(): void {
    if (this.closing !== undefined) return;
    for (const listener of [...this.troubleListeners]) listener();
    const { isAvailable } = this;
    const isNews = isAvailable !== this.wasAvailable;
    this.wasAvailable = isAvailable;
    if (isNews || !this.hasLoggedTrouble) this.logAvailability(isAvailable);
    if (!isNews) return;
    for (const listener of [...this.listeners]) listener(isAvailable);
  }

  private logAvailability(isAvailable: boolean): void {
    this.hasLoggedTrouble = true;
    if (isAvailable) this.logger.log(`Connected to Redis ${this.address}`);
    else this.logger.warn(`Redis ${this.address} is unavailable (${this.trouble})`);
  }

  private absence(isRefused: boolean): Error {
    const { trouble } = this;
    return new Error(
      isRefused
        ? `Redis ${this.address} rejected the user or the password (${trouble}); correct REDIS_URL`
        : `Redis ${this.address} is unavailable (${trouble}); start it, or correct REDIS_URL`,
    );
  }
}
