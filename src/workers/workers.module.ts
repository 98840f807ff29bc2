import { Global, Module } from '@nestjs/common';
import { WorkerActivity } from '../queue/worker-activity.js';
import { DrainList } from './drain-list.js';
import { QueueModule } from '../queue/queue.module.js';
import { WorkerQuarantine } from './worker-quarantine.js';
import { WorkerRegistry } from './worker-registry.js';
import { WorkerService } from './worker.service.js';
import { WorkersController } from './workers.controller.js';

/** Workers and their states. Needs `TaskStore`, `DocumentStore` and `Config` from global modules. */
@Global()
@Module({
  imports: [QueueModule],
  controllers: [WorkersController],
  providers: [
    DrainList,
    WorkerRegistry,
    WorkerQuarantine,
    WorkerService,
    { provide: WorkerActivity, useExisting: WorkerRegistry },
  ],
  exports: [WorkerActivity, WorkerService],
})
export class WorkersModule {}
