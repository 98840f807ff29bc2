import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { connectRedis, disconnectRedis, parseRedisUrl } from '../../src/redis/redis-connection.js';
import { RedisTaskStore } from '../../src/storage/redis/redis-task-store.js';
import type { StoreLink } from '../../src/storage/redis/store-connection.js';
import type { StoreSettings } from '../../src/storage/task-store.js';
import type { Clock } from '../../src/task/clock.js';
import { ROOMY } from './store-harness.js';

export interface RedisStoreChoices {
  readonly url: string;
  readonly keyPrefix: string;
  /** By default that of Redis. */
  readonly clock?: Clock;
  readonly settings?: Partial<StoreSettings>;
  readonly replicas?: number;
  readonly limitMs?: number;
  readonly streamLength?: number;
}

/** Opens a store as one process of several would, with connections of its own. Events go to `<keyPrefix>:<type>`. */
export async function openRedisStore(choices: RedisStoreChoices): Promise<RedisTaskStore> {
  const { url, keyPrefix, clock, settings, replicas = 0, limitMs = 2_000, streamLength = 1_000 } = choices;
  return RedisTaskStore.open({
    link: await openLink(url),
    keyPrefix,
    clock,
    settings: { ...ROOMY, ...settings },
    events: { channelPrefix: keyPrefix, streamLength },
    replicas,
    limitMs,
  });
}

/** A plain client, to look at what is in Redis and to put something there. */
export async function openRedis(url: string): Promise<Redis> {
  const client = connectRedis(parseRedisUrl(url));
  client.on('error', () => undefined);
  await once(client, 'ready');
  return client;
}

async function openLink(url: string): Promise<StoreLink> {
  const client = await openRedis(url);
  const subscriber = client.duplicate();
  subscriber.on('error', () => undefined);
  return {
    client,
    get isAvailable() {
      return client.status === 'ready';
    },
    isCluster: false,
    openSubscriber: () => subscriber,
    onChange(listener) {
      client.on('ready', () => listener(true));
      client.on('close', () => listener(false));
    },
    async close() {
      await Promise.all([client, subscriber].map(disconnectRedis));
    },
  };
}
