import { Module } from '@nestjs/common';
import { QueueModule } from '../queue/queue.module.js';
import { QueueAdminService } from './queue-admin.service.js';
import { QueuesController } from './queues.controller.js';

/** Queue settings and statistics. Needs `TaskStore` and `HttpLimits` from global modules. */
@Module({
  imports: [QueueModule],
  controllers: [QueuesController],
  providers: [QueueAdminService],
  exports: [QueueAdminService],
})
export class QueuesModule {}
