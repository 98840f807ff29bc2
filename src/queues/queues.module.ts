import { Module } from '@nestjs/common';
import { QueueStatsService } from './queue-stats.service.js';
import { QueuesController } from './queues.controller.js';

/** How queues fare. Needs `TaskStore` from a global module. */
@Module({ controllers: [QueuesController], providers: [QueueStatsService] })
export class QueuesModule {}
