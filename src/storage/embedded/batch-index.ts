import { TASK_STATES, type StateCounts, countIn } from '../../task/task-state.js';
import type { BatchCounts } from '../task-store.js';
import type { ClearMarks } from './clear-marks.js';
import type { TaskHead } from './task.record.js';

/** As much of a task as the counts tell apart. */
type Counted = Pick<TaskHead, 'queue' | 'state'>;

interface Counts {
  readonly byState: { -readonly [State in keyof StateCounts]: StateCounts[State] };
  /** The clears up to this generation have been followed. */
  followed: number;
}

/** How many tasks of each batch are in which queue and state. Which tasks they are is on disk. */
export class BatchIndex {
  private readonly batches = new Map<string, Map<string, Counts>>();

  constructor(private readonly marks: ClearMarks) {}

  /** Follows a task of a batch from one durable record to the next; `undefined` when there is none. */
  move(batchId: string, from: Counted | undefined, to: Counted | undefined): void {
    if (from !== undefined) this.count(batchId, from, -1);
    if (to !== undefined) this.count(batchId, to, 1);
    else if (from !== undefined) this.forgetEmpty(batchId, from.queue);
  }

  countsOf(batchId: string): BatchCounts[] {
    const queues = this.batches.get(batchId) ?? new Map<string, Counts>();
    return Array.from(queues, ([queue, counts]) => {
      this.follow(queue, counts);
      return { queue, counts: { ...counts.byState } };
    }).filter(({ counts }) => countIn(counts) > 0);
  }

  /** To be called for each task that was cleared, when its record goes: forgets what counts nothing any more. */
  tidy(batchId: string, queue: string): void {
    const counts = this.batches.get(batchId)?.get(queue);
    if (counts === undefined) return;
    this.follow(queue, counts);
    this.forgetEmpty(batchId, queue);
  }

  /** The same for a task whose queue nobody knows, since its record cannot be read. */
  tidyAll(batchId: string): void {
    for (const queue of [...(this.batches.get(batchId)?.keys() ?? [])]) this.tidy(batchId, queue);
  }

  private count(batchId: string, { queue, state }: Counted, by: number): void {
    const queues = this.batches.get(batchId) ?? new Map<string, Counts>();
    this.batches.set(batchId, queues);
    const counts = queues.get(queue) ?? none(this.marks.latest);
    queues.set(queue, counts);
    this.follow(queue, counts);
    counts.byState[state] += by;
  }

  /** A clear does not look at the batches, however many there are: what it took is left out when they are looked at. */
  private follow(queue: string, counts: Counts): void {
    if (counts.followed >= this.marks.latest) return;
    for (const state of TASK_STATES) {
      if (this.marks.clearedAt(queue, state) > counts.followed) counts.byState[state] = 0;
    }
    counts.followed = this.marks.latest;
  }

  private forgetEmpty(batchId: string, queue: string): void {
    const queues = this.batches.get(batchId);
    const counts = queues?.get(queue)?.byState;
    if (counts !== undefined && countIn(counts) === 0) queues?.delete(queue);
    if (queues?.size === 0) this.batches.delete(batchId);
  }
}

function none(followed: number): Counts {
  const byState = Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as Counts['byState'];
  return { byState, followed };
}
