import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { EventLog } from '../storage/event-log.js';
import { TaskStore } from '../storage/task-store.js';
import { EventHub } from './event-hub.js';
import { EventReaders } from './event-readers.js';
import { EventsController } from './events.controller.js';
import { FeedLog } from './feed-log.js';

/** Streams events over HTTP. Needs `TaskStore` and `Config` from global modules. */
@Module({
  imports: [AuthModule],
  controllers: [EventsController],
  providers: [
    {
      provide: EventLog,
      inject: [TaskStore],
      useFactory: (store: TaskStore) => store.eventLog ?? new FeedLog(store),
    },
    EventHub,
    EventReaders,
  ],
  exports: [EventReaders],
})
export class EventStreamModule {}
