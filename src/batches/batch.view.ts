import type { BatchStatus } from './dto/batch.response.js';
import { withoutQuery } from '../config/web-address.js';
import type { Instant } from '../task/clock.js';
import { isoTime } from '../queue/task.view.js';
import { type Batch, isDone, pendingOf } from './batch.js';
import type { CountedBatch } from './batch.service.js';
import { type StateCounts, countIn } from '../task/task-state.js';

/** The JSON view of a batch. */
export function batchView({ id, batch, counts }: CountedBatch): BatchStatus {
  const isOver = isDone(counts) || isForgotten(counts, batch);
  return {
    batch_id: id,
    status: isOver ? 'done' : 'running',
    total: countIn(counts),
    pending: pendingOf(counts),
    counts,
    created_at: timeOrNull(batch?.createdAt),
    // The stored end may be that of an earlier run.
    done_at: isOver ? timeOrNull(batch?.doneAt) : null,
    cancelled_at: timeOrNull(batch?.cancelledAt),
    callback_url: batch?.callbackUrl === undefined ? null : withoutQuery(batch.callbackUrl),
    max_failures: batch?.maxFailures ?? null,
  };
}

/** Whether the batch is done and the retention of its tasks is over. */
function isForgotten(counts: StateCounts, batch: Batch | undefined): boolean {
  return countIn(counts) === 0 && batch?.doneAt !== undefined;
}

function timeOrNull(instant: Instant | undefined): string | null {
  return instant === undefined ? null : isoTime(instant);
}
