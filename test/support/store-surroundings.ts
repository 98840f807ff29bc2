import { CALM_NODE_TIMEOUT_MS, RedisCluster } from './redis-cluster.js';
import { CALM_DOWN_AFTER_MS, RedisSentinel } from './redis-sentinel.js';
import { RedisServer } from './redis-server.js';

/** Where the tests of the whole service keep their tasks. */
export type StorePlace = 'embedded' | 'redis' | 'sentinel' | 'cluster';

/** What a store needs beside the service. */
export interface Surroundings {
  start(): Promise<void>;
  /** The settings of one more service, which shares its tasks with no other. */
  settings(): Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export function surroundingsOf(place: StorePlace): Surroundings {
  switch (place) {
    case 'embedded':
      return new Nothing();
    case 'redis':
      return new SharedRedis(() => RedisServer.start());
    case 'sentinel':
      return new SharedRedis(() => RedisSentinel.start({ downAfterMs: CALM_DOWN_AFTER_MS }));
    case 'cluster':
      return new SharedRedis(() => RedisCluster.start({ nodeTimeoutMs: CALM_NODE_TIMEOUT_MS }));
  }
}

/** Each service has a directory of its own already. */
class Nothing implements Surroundings {
  async start(): Promise<void> {}

  settings(): Readonly<Record<string, string>> {
    return { QUEUE_STORE: 'embedded' };
  }

  async stop(): Promise<void> {}
}

/** A Redis of any kind. */
interface AnyRedis {
  readonly url: string;
  stop(): Promise<void>;
}

/** The settings of a service that keeps its tasks there. */
export function settingsAt({ url }: Pick<AnyRedis, 'url'>) {
  // Nobody breaks this Redis, and a machine that is held up is no fault.
  return { QUEUE_STORE: 'redis', REDIS_URL: url, REDIS_TIMEOUT_SECONDS: '20' };
}

/** A Redis for all tests of a file, and a prefix of its own for each service. */
class SharedRedis implements Surroundings {
  private redis: AnyRedis | undefined;
  private services = 0;

  constructor(private readonly launch: () => Promise<AnyRedis>) {}

  async start(): Promise<void> {
    this.redis = await this.launch();
  }

  settings(): Readonly<Record<string, string>> {
    if (this.redis === undefined) throw new Error('Redis is started before all tests');
    this.services += 1;
    return { ...settingsAt(this.redis), REDIS_KEY_PREFIX: `service-${this.services}` };
  }

  async stop(): Promise<void> {
    await this.redis?.stop();
  }
}
