import { Module } from '@nestjs/common';
import { QueueModule } from '../queue/queue.module.js';
import { ScheduleDesk } from './schedule-desk.js';
import { ScheduleService } from './schedule.service.js';
import { ScheduleStore } from './schedule-store.js';
import { Scheduler } from './scheduler.js';
import { SchedulesController } from './schedules.controller.js';

/** Cron schedules. Needs `DocumentStore`, `Clock` and `HttpLimits` from global modules. */
@Module({
  imports: [QueueModule],
  controllers: [SchedulesController],
  providers: [ScheduleStore, ScheduleService, ScheduleDesk, Scheduler],
  exports: [ScheduleService, ScheduleDesk],
})
export class SchedulesModule {}
