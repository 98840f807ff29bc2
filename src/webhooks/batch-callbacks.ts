import { createHash } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { type FinishedBatch, totalOf } from '../batches/batch.js';
import { BatchEvents } from '../batches/batch.events.js';
import { Webhooks } from './webhooks.js';

/** Tells the address of a batch that all of its tasks have ended. */
@Injectable()
export class BatchCallbacks {
  private readonly logger = new Logger(BatchCallbacks.name);

  constructor(
    events: BatchEvents,
    private readonly webhooks: Webhooks,
  ) {
    events.onDone((batch) => {
      void this.tell(batch);
    });
  }

  /** Never rejects. */
  private async tell({ id, callbackUrl, doneAt, counts }: FinishedBatch): Promise<void> {
    if (callbackUrl === undefined) return;
    const name = createHash('sha256').update(id).digest('hex').slice(0, 16);
    const body = {
      type: 'batch.done',
      batch_id: id,
      total: totalOf(counts),
      counts,
      done_at: new Date(doneAt).toISOString(),
    };
    try {
      await this.webhooks.send({ id: `batch_${name}_${doneAt}`, url: callbackUrl, body });
    } catch (error) {
      this.logger.warn(`The end of batch ${id} is told to nobody: ${(error as Error).message}`);
    }
  }
}
