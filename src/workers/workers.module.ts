import { Global, Module } from '@nestjs/common';
import { WorkerWatch } from '../queue/worker-watch.js';
import { DrainList } from './drain.list.js';
import { WorkerRegistry } from './worker.registry.js';
import { WorkerService } from './worker.service.js';
import { WorkersController } from './workers.controller.js';

/** Workers and their states. Needs `TaskStore`, `DocumentStore` and `Config` from global modules. */
@Global()
@Module({
  controllers: [WorkersController],
  providers: [
    DrainList,
    WorkerRegistry,
    WorkerService,
    { provide: WorkerWatch, useExisting: WorkerRegistry },
  ],
  exports: [WorkerWatch, WorkerService],
})
export class WorkersModule {}
