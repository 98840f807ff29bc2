import { TASK_STATES, type StateCounts, countIn } from '../../task/task-state.js';
import type { BatchCounts } from '../task-views.js';
import type { ClearMarks } from './clear-marks.js';
import type { TaskHead } from './task-record.js';

/** The parts of a task that the counts distinguish. */
type Counted = Pick<TaskHead, 'queue' | 'state'>;

interface Counts {
  readonly byState: { -readonly [State in keyof StateCounts]: StateCounts[State] };
  /** Every clear up to this generation is included in the counts. */
  followed: number;
}

/** The counts of each batch. */
export type BatchDump = ReadonlyMap<string, readonly BatchCounts[]>;

/** Counts the tasks of each batch by queue and state. The list of a batch's tasks is on disk. */
export class BatchIndex {
  private readonly batches = new Map<string, Map<string, Counts>>();

  constructor(private readonly marks: ClearMarks) {}

  /** Updates the counts for a task's next durable record; `undefined` means no record. */
  move(batchId: string, from: Counted | undefined, to: Counted | undefined): void {
    if (from !== undefined) this.count(batchId, from, -1);
    if (to !== undefined) this.count(batchId, to, 1);
    else if (from !== undefined) this.forgetEmpty(batchId, from.queue);
  }

  load(dump: BatchDump): void {
    for (const [batchId, queues] of dump) {
      const counts = queues.map(({ queue, counts }) => {
        return [queue, { byState: { ...counts }, followed: this.marks.latest }] as const;
      });
      this.batches.set(batchId, new Map(counts));
    }
  }

  dump(): BatchDump {
    return new Map(Array.from(this.batches.keys(), (batchId) => [batchId, this.countsOf(batchId)]));
  }

  countsOf(batchId: string): BatchCounts[] {
    const queues = this.batches.get(batchId) ?? new Map<string, Counts>();
    return Array.from(queues, ([queue, counts]) => {
      this.follow(queue, counts);
      return { queue, counts: { ...counts.byState } };
    }).filter(({ counts }) => countIn(counts) > 0);
  }

  /** Call this when the record of a cleared task is removed: drops the entry when its counts are all zero. */
  tidy(batchId: string, queue: string): void {
    const counts = this.batches.get(batchId)?.get(queue);
    if (counts === undefined) return;
    this.follow(queue, counts);
    this.forgetEmpty(batchId, queue);
  }

  /** The same for a task whose record is unreadable, so that its queue is unknown. */
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

  /** A clear does not touch the batches, which may be many. The next look at a batch subtracts the cleared tasks. */
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
