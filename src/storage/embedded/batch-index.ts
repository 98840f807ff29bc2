import { TASK_STATES } from '../../task/task.js';
import type { BatchCounts, StateCounts } from '../task-store.js';
import type { TaskHead } from './task.record.js';

type Counts = { -readonly [State in keyof StateCounts]: StateCounts[State] };

/** How many tasks of each batch are in which queue and state. Which tasks they are is on disk. */
export class BatchIndex {
  private readonly batches = new Map<string, Map<string, Counts>>();

  /** Follows a task of a batch from one durable record to the next; `undefined` when there is none. */
  move(batchId: string, from: TaskHead | undefined, to: TaskHead | undefined): void {
    if (from !== undefined) this.count(batchId, from, -1);
    if (to !== undefined) this.count(batchId, to, 1);
    else if (from !== undefined) this.forgetEmpty(batchId, from.queue);
  }

  countsOf(batchId: string): BatchCounts[] {
    return Array.from(this.batches.get(batchId) ?? [], ([queue, counts]) => ({
      queue,
      counts: { ...counts },
    }));
  }

  clear(): void {
    this.batches.clear();
  }

  private count(batchId: string, { queue, state }: TaskHead, by: number): void {
    const queues = this.batches.get(batchId) ?? new Map<string, Counts>();
    this.batches.set(batchId, queues);
    const counts = queues.get(queue) ?? none();
    queues.set(queue, counts);
    counts[state] += by;
  }

  private forgetEmpty(batchId: string, queue: string): void {
    const queues = this.batches.get(batchId);
    const counts = queues?.get(queue);
    if (counts !== undefined && TASK_STATES.every((state) => counts[state] === 0)) queues?.delete(queue);
    if (queues?.size === 0) this.batches.delete(batchId);
  }
}

function none(): Counts {
  return Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as Counts;
}
