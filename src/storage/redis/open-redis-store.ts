import { once } from 'node:events';
import type { Config } from '../../config/config.js';
import { connectRedis, disconnectRedis, parseRedisUrl } from '../../redis/redis-connection.js';
import type { Clock } from '../../task/clock.js';
import type { StoreSettings } from '../task-store.js';
import { RedisTaskStore } from './redis-task-store.js';
import type { StoreLink } from './store-connection.js';

const KEY_PREFIX = 'cq';
const LIMIT_MS = 2_000;

/** Connects to Redis and opens the store there. */
export async function openRedisStore(
  config: Config,
  settings: StoreSettings,
  clock: Clock | undefined,
): Promise<RedisTaskStore> {
  return RedisTaskStore.open({
    link: await openLink(config.REDIS_URL),
    keyPrefix: KEY_PREFIX,
    events: { channelPrefix: config.EVENTS_CHANNEL_PREFIX, streamLength: config.EVENTS_STREAM_LENGTH },
    settings,
    replicas: 0,
    limitMs: LIMIT_MS,
    clock,
  });
}

async function openLink(url: string): Promise<StoreLink> {
  const client = connectRedis(parseRedisUrl(url), { connectionName: 'crucible-queue' });
  const subscriber = client.duplicate({ connectionName: 'crucible-queue-watch' });
  client.on('error', () => undefined);
  subscriber.on('error', () => undefined);
  await once(client, 'ready');
  return {
    client,
    isCluster: false,
    get isAvailable() {
      return client.status === 'ready';
    },
    openSubscriber: () => subscriber,
    onChange(listener) {
      client.on('ready', () => {
        listener(true);
      });
      client.on('close', () => {
        listener(false);
      });
    },
    async close() {
      await Promise.all([disconnectRedis(client), disconnectRedis(subscriber)]);
    },
  };
}
