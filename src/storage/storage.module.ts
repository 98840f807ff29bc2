import { type DynamicModule, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Clock } from '../task/clock.js';
import { DocumentStore } from './document-store.js';
import { EmbeddedTaskStore } from './embedded/embedded-task-store.js';
import { SystemClock } from './embedded/system-clock.js';
import { openRedisStore } from './redis/open-redis-store.js';
import { type StoreSettings, TaskStore } from './task-store.js';

/** Selects the driver and opens it. Other modules see only the ports. */
@Module({})
export class StorageModule implements OnApplicationShutdown {
  constructor(private readonly store: TaskStore) {}

  /** @param clock replaces the store's clock in tests */
  static forRoot(clock?: Clock): DynamicModule {
    return {
      module: StorageModule,
      global: true,
      providers: [
        {
          provide: TaskStore,
          inject: [Config],
          useFactory: (config: Config) => openTaskStore(config, clock),
        },
        { provide: DocumentStore, inject: [TaskStore], useFactory: (store: TaskStore) => store.documents },
        { provide: Clock, inject: [TaskStore], useFactory: (store: TaskStore) => store.clock },
      ],
      exports: [TaskStore, DocumentStore, Clock],
    };
  }

  /** Runs after the last request has been answered. */
  async onApplicationShutdown(): Promise<void> {
    await this.store.close();
  }
}

/**
 * Opens the store that the settings name.
 *
 * @param clock replaces the store's clock in tests
 */
export function openTaskStore(config: Config, clock?: Clock): Promise<TaskStore> {
  const settings: StoreSettings = {
    retention: config.RETENTION_SECONDS,
    retentionMaxTasks: config.RETENTION_MAX_TASKS,
    retentionMaxBytes: config.RETENTION_MAX_BYTES,
    logs: config.logLimits,
    webhookTypes: config.webhookTypes,
  };
  switch (config.QUEUE_STORE) {
    case 'embedded':
      return EmbeddedTaskStore.open({
        directory: config.DATA_DIR,
        clock: clock ?? new SystemClock(),
        settings,
      });
    case 'redis':
      return openRedisStore(config, settings, clock);
  }
}
