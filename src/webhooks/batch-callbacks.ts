import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type FinishedBatch } from '../batches/batch.js';
import { BatchEvents } from '../batches/batch-events.js';
import { Webhooks } from './webhooks.js';
import { countIn } from '../task/task-state.js';

/** Sends a webhook to the `callback_url` of a finished batch. */
@Injectable()
export class BatchCallbacks {
  constructor(
    events: BatchEvents,
    private readonly webhooks: Webhooks,
  ) {
    events.onDone((batch) => this.send(batch));
  }

  /** Repetitions have the same message id. */
  private async send({ id, queues, callbackUrl, doneAt, counts }: FinishedBatch): Promise<void> {
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
