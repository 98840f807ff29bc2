import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type FinishedBatch } from '../batches/batch.js';
import { BatchEvents } from '../batches/batch.events.js';
import { Webhooks } from './webhooks.js';
import { countIn } from '../task/task-state.js';

/** Tells the address of a batch that all of its tasks have ended. */
@Injectable()
export class BatchCallbacks {
  constructor(
    events: BatchEvents,
    private readonly webhooks: Webhooks,
  ) {
    events.onDone((batch) => this.tell(batch));
  }

  /** Told twice, the receiver knows it by the same id. */
  private async tell({ id, queues, callbackUrl, doneAt, counts }: FinishedBatch): Promise<void> {
    if (callbackUrl === undefined) return;
    const name = createHash('sha256').update(id).digest('hex').slice(0, 16);
    const body = {
      type: 'batch.done',
      batch_id: id,
      total: countIn(counts),
      counts,
      done_at: new Date(doneAt).toISOString(),
    };
    await this.webhooks.send({ id: `batch_${name}_${doneAt}`, url: callbackUrl, body, source: queues?.[0] });
  }
}
