import { Global, Module } from '@nestjs/common';
import { BatchBook } from '../queue/batch-book.js';
import { TaskChangerModule } from '../queue/task-changer.module.js';
import { BatchEvents } from './batch-events.js';
import { BatchRegister } from './batch-register.js';
import { BatchService } from './batch.service.js';
import { BatchSweeper } from './batch-sweeper.js';
import { BatchStore } from './batch-store.js';
import { BatchChecker } from './batch-checker.js';
import { BatchesController } from './batches.controller.js';

/** Batches of tasks. Needs `TaskStore`, `DocumentStore`, `Clock` and `Config` from global modules. */
@Global()
@Module({
  imports: [TaskChangerModule],
  controllers: [BatchesController],
  providers: [
    BatchEvents,
    BatchStore,
    BatchRegister,
    BatchService,
    BatchChecker,
    BatchSweeper,
    { provide: BatchBook, useExisting: BatchRegister },
  ],
  exports: [BatchBook, BatchEvents, BatchService],
})
export class BatchesModule {}
