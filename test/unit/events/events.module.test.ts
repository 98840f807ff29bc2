import { ConsoleLogger, Global, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Config } from '../../../src/config/config.js';
import { EventsModule } from '../../../src/events/events.module.js';
import { TaskEvents } from '../../../src/events/task-events.js';
import { TaskStore } from '../../../src/storage/task-store.js';
import type { CommittedTransition } from '../../../src/storage/transitions.js';
import { RedisServer } from '../../support/redis-server.js';
import { enqueued, Subscriber } from './events.support.js';

const SILENT = new ConsoleLogger({ logLevels: [] });

/** Only the feed of a store. */
class Feed {
  private readonly listeners: ((transitions: readonly CommittedTransition[]) => void)[] = [];

  onCommit(listener: (transitions: readonly CommittedTransition[]) => void): void {
    this.listeners.push(listener);
  }

  tell(transitions: readonly CommittedTransition[]): void {
    for (const listener of this.listeners) listener(transitions);
  }
}

function around(feed: Feed, settings: Partial<Config>) {
  @Global()
  @Module({
    providers: [
      { provide: Config, useValue: settings },
      { provide: TaskStore, useValue: feed },
    ],
    exports: [Config, TaskStore],
  })
  class SurroundingsModule {}
  return Test.createTestingModule({ imports: [SurroundingsModule, EventsModule] });
}

describe('EventsModule', () => {
  it('publishes what the store commits, and all of it before the application ends', async () => {
    const redis = await RedisServer.start();
    const subscriber = await Subscriber.listen(redis.url, 'crucible:*');
    const feed = new Feed();
    const settings = {
      REDIS_URL: redis.url,
      EVENTS_CHANNEL_PREFIX: 'crucible',
      EVENTS_BUFFER_SIZE: 1_000,
      REDIS_TIMEOUT_SECONDS: 20,
    };
    const module = await around(feed, settings).setLogger(SILENT).compile();
    await module.init();
    const events = module.get(TaskEvents);

    feed.tell(enqueued(300));
    await module.close();
    await subscriber.untilId(300);

    expect(events.counters).toEqual({ published: 300, lost: 0 });
    expect(events.status).toBe('disconnected');
    subscriber.close();
    await redis.stop();
  });

  it('works without a Redis', async () => {
    const feed = new Feed();
    const settings = { REDIS_URL: '', EVENTS_CHANNEL_PREFIX: 'task', EVENTS_BUFFER_SIZE: 10 };
    const module = await around(feed, settings).setLogger(SILENT).compile();
    await module.init();

    feed.tell(enqueued(3));

    expect(module.get(TaskEvents).counters).toEqual({ published: 0, lost: 3 });
    await module.close();
  });
});
