import { Injectable, Logger } from '@nestjs/common';
import type { FinishedBatch } from './batch.js';

type Listener = (batch: FinishedBatch) => void;

/**
 * Tells of batches of which every task has ended. Of all processes one tells, once; a batch that grows and is done again
 * is told of again, with another `doneAt`. A process that dies at that moment tells nobody.
 */
@Injectable()
export class BatchEvents {
  private readonly logger = new Logger(BatchEvents.name);
  private readonly listeners: Listener[] = [];

  onDone(listener: Listener): void {
    this.listeners.push(listener);
  }

  done(batch: FinishedBatch): void {
    for (const listener of this.listeners) {
      try {
        listener(batch);
      } catch (error) {
        this.logger.error(`Telling of batch ${batch.id} failed`, (error as Error).stack);
      }
    }
  }
}
