import { Injectable } from '@nestjs/common';
import type { FinishedBatch } from './batch.js';

type Listener = (batch: FinishedBatch) => unknown;

/**
 * Tells of batches of which every task has ended, at least once: of all processes one tells, and when it dies meanwhile,
 * or a listener fails, it is told again with the same `doneAt`. A batch that grows or is redriven,
 * and is done again, is told of again, with a later one.
 */
@Injectable()
export class BatchEvents {
  private readonly listeners: Listener[] = [];

  onDone(listener: Listener): void {
    this.listeners.push(listener);
  }

  /** Resolves when every listener knows for good; rejects when one does not. */
  async done(batch: FinishedBatch): Promise<void> {
    await Promise.all(this.listeners.map(async (listener) => listener(batch)));
  }
}
