import { Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Config, hasDefaultRedis } from '../config/config.js';
import { connectionSettings } from '../redis/connection-settings.js';
import { TaskStore } from '../storage/task-store.js';
import { RedisPublisher } from './redis-publisher.js';
import { StoreEvents } from './store-events.js';
import { TaskEvents } from './task-events.js';

/**
 * Publishes transitions that the store commits. Closed last, so that it publishes the transitions of draining requests.
 */
@Module({
  providers: [
    {
      provide: TaskEvents,
      inject: [Config, TaskStore],
      useFactory: openEvents,
    },
  ],
  exports: [TaskEvents],
})
export class EventsModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly store: TaskStore,
    private readonly events: TaskEvents,
  ) {}

  onModuleInit(): void {
    this.store.onCommit((transitions) => {
      this.events.publish(transitions);
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.events.close();
  }
}

function openEvents(config: Config, store: TaskStore): TaskEvents {
  if (store.publishesEvents) return new StoreEvents(store);
  const { REDIS_URL, EVENTS_CHANNEL_PREFIX, EVENTS_BUFFER_SIZE } = config;
  return new RedisPublisher({
    url: REDIS_URL,
    isDefault: hasDefaultRedis(config),
    channelPrefix: EVENTS_CHANNEL_PREFIX,
    bufferSize: EVENTS_BUFFER_SIZE,
    connection: connectionSettings(config, 'crucible-queue-events'),
  });
}
