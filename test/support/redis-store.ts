import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../src/redis/redis-connection.js';
import { openRedisLink } from '../../src/redis/redis-link.js';
import { parseRedisUrl } from '../../src/config/redis-url.js';
import { type RedisStoreOptions, RedisTaskStore } from '../../src/storage/redis/redis-task-store.js';
import type { StoreLink } from '../../src/storage/redis/connection/store-connection.js';
import type { StoreSettings } from '../../src/storage/task-store.js';
import type { Clock } from '../../src/task/clock.js';
import { ROOMY } from './store-harness.js';

/** Patient, as the machine may be busy. */
const CONNECTION = { name: 'test', timeoutMs: 25_000 };
const SILENT = { log: () => undefined, warn: () => undefined };

export interface RedisStoreChoices {
  readonly url: string;
  readonly keyPrefix: string;
  /** By default that of Redis. */
  readonly clock?: Clock;
  readonly settings?: Partial<StoreSettings>;
  readonly replicas?: number;
  readonly limitMs?: number;
  /** A Redis that is silent for longer is away. By default 10 seconds. */
  readonly timeoutMs?: number;
  readonly streamLength?: number;
  /** Goes the ways of a Cluster, queue by queue and entry by entry, also where everything is on one node. */
  readonly isCluster?: boolean;
  /** Up to how many tasks a clear removes without a mark, and whether marked ones are ever removed. */
  readonly clears?: RedisStoreOptions['clears'];
}

/** Opens a store as one process of several would, with connections of its own. Events go to `<keyPrefix>:<type>`. */
export async function openRedisStore(choices: RedisStoreChoices): Promise<RedisTaskStore> {
  const { url, keyPrefix, clock, settings, replicas = 0, limitMs = 2_000, streamLength = 1_000 } = choices;
  const { isCluster = false, timeoutMs = CONNECTION.timeoutMs, clears } = choices;
  return RedisTaskStore.open({
    link: await openLink({ url, isCluster, timeoutMs, hasWriter: replicas > 0 }),
    keyPrefix,
    clock,
    settings: { ...ROOMY, ...settings },
    events: { channelPrefix: keyPrefix, streamLength },
    replicas,
    limitMs,
    clears,
  });
}

/** A plain client, to look at what is in Redis and to put something there. */
export async function openRedis(url: string): Promise<Redis> {
  const client = connectRedis(parseRedisUrl(url), CONNECTION);
  client.on('error', () => undefined);
  await once(client, 'ready');
  return client;
}

type LinkChoices = Required<Pick<RedisStoreChoices, 'url' | 'isCluster' | 'timeoutMs'>> & {
  readonly hasWriter: boolean;
};

async function openLink({ url, isCluster, timeoutMs, hasWriter }: LinkChoices): Promise<StoreLink> {
  const endpoint = parseRedisUrl(url);
  const link = openRedisLink({ ...CONNECTION, timeoutMs, endpoint, hasWriter, logger: SILENT });
  await link.ready(timeoutMs);
  if (!isCluster) return link;
  return {
    client: link.client,
    writer: link.writer,
    isCluster,
    get isAvailable() {
      return link.isAvailable;
    },
    subscribe: (options) => link.subscribe(options),
    onChange: (listener) => link.onChange(listener),
    close: () => link.close(),
  };
}
