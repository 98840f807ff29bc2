import { Logger } from '@nestjs/common';
import type { Config } from '../../config/config.js';
import { openRedisLink, type RedisLink } from '../../redis/redis-link.js';
import { connectionSettings } from '../../redis/connection-settings.js';
import { parseRedisUrl } from '../../config/redis-url.js';
import { checkServer } from '../../redis/server-check.js';
import type { Clock } from '../../task/clock.js';
import type { StoreSettings } from '../task-store.js';
import { RedisTaskStore } from './redis-task-store.js';

/** Milliseconds to wait for a Redis that starts together with the service and loads its data first. */
const START_LIMIT_MS = 30_000;

/**
 * Connects to Redis and opens the store.
 *
 * @throws Error with one sentence when Redis does not answer in time, or its configuration cannot keep tasks
 */
export async function openRedisStore(
  config: Config,
  settings: StoreSettings,
  clock: Clock | undefined,
): Promise<RedisTaskStore> {
  const logger = new Logger(RedisTaskStore.name);
  const link = openRedisLink({
    ...connectionSettings(config, 'crucible-queue'),
    endpoint: parseRedisUrl(config.REDIS_URL),
    hasWriter: config.REDIS_WAIT_REPLICAS > 0,
    logger,
  });
  try {
    await link.ready(START_LIMIT_MS);
    await checkServer(link.client, logger);
    return await open(link, { config, settings, clock });
  } catch (error) {
    await link.close();
    throw error;
  }
}

interface StoreDependencies {
  readonly config: Config;
  readonly settings: StoreSettings;
  readonly clock: Clock | undefined;
}

function open(link: RedisLink, { config, settings, clock }: StoreDependencies): Promise<RedisTaskStore> {
  return RedisTaskStore.open({
    link,
    keyPrefix: config.REDIS_KEY_PREFIX,
    events: {
      channelPrefix: config.EVENTS_CHANNEL_PREFIX,
      streamLength: config.EVENTS_STREAM_LENGTH,
      webhookTypes: settings.webhookTypes,
    },
    settings,
    replicas: config.REDIS_WAIT_REPLICAS,
    limitMs: config.REDIS_TIMEOUT_SECONDS * 1000,
    clock,
  });
}
