import { Injectable } from '@nestjs/common';
import type { FinishedBatch } from './batch.js';

type Listener = (batch: FinishedBatch) => unknown;

/**
 * Announces finished batches, at least once. One process announces each end. If that process dies or a listener fails,
 * the end is announced again with the same `doneAt`. A batch that grows or is redriven and finishes again is announced
 * with a later `doneAt`.
 */
@Injectable()
export class BatchEvents {
  private readonly listeners: Listener[] = [];

  onDone(listener: Listener): void {
    this.listeners.push(listener);
  }

  /** Resolves when every listener has durably recorded the end; rejects if one fails. */
  async done(batch: FinishedBatch): Promise<void> {
    await Promise.all(this.listeners.map(async (listener) => listener(batch)));
  }
}
