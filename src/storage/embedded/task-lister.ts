import { type Task, TASK_STATES } from '../../task/task.js';
import { matchesFilter } from '../task-filter.js';
import type { BatchCounts, QueueCounts, StateCounts, TaskPage, TaskQuery } from '../task-store.js';
import type { QueueFiles } from './queue-files.js';
import type { TaskIndex, TaskNumber } from './task-index.js';

/** Records that one page looks at, so that a filter that matches little does not stop the service. */
const SCAN_LIMIT = 5_000;
const CURSOR = /^[0-9a-z]{1,10}$/;

/** Lists and counts what the embedded store has, without its payloads. */
export class TaskLister {
  constructor(
    private readonly files: QueueFiles,
    private readonly index: TaskIndex,
  ) {}

  /** @throws RangeError when the cursor is none of ours */
  list(query: TaskQuery): TaskPage {
    const tasks: Task[] = [];
    const queues = query.queues ?? this.index.queueNames();
    let last = readCursor(query.cursor);
    if (query.batchId !== undefined) return this.listBatch(query, query.batchId, last);
    for (let seen = 0; seen < SCAN_LIMIT && tasks.length < query.limit; seen += 1) {
      const number = this.index.youngestBelow(last, queues, query.states ?? TASK_STATES);
      if (number === undefined) return { tasks };
      last = number;
      const task = this.files.read(number);
      if (task !== undefined && matchesFilter(task, query)) tasks.push(task);
    }
    return { tasks, nextCursor: last.toString(36) };
  }

  countBatch(id: string): BatchCounts[] {
    return this.index.batches.countsOf(id);
  }

  private listBatch(query: TaskQuery, batchId: string, from: TaskNumber): TaskPage {
    const tasks: Task[] = [];
    let [last, seen] = [from, 0];
    for (const number of this.files.tasksOfBatch(batchId, from)) {
      if (seen === SCAN_LIMIT || tasks.length === query.limit)
        return { tasks, nextCursor: last.toString(36) };
      last = number;
      seen += 1;
      const task = this.files.read(number);
      if (task !== undefined && matchesFilter(task, query)) tasks.push(task);
    }
    return { tasks };
  }

  counts(): QueueCounts[] {
    return this.index.queueNames().map((queue) => {
      const counts = Object.fromEntries(TASK_STATES.map((state) => [state, this.index.count(queue, state)]));
      return { queue, counts: counts as StateCounts, oldestQueuedAt: this.oldestQueuedAt(queue) };
    });
  }

  private oldestQueuedAt(queue: string): number | undefined {
    const number = this.index.oldest(queue, 'queued');
    const task = this.files.read(number);
    return task?.state === 'queued' ? task.queuedAt : undefined;
  }
}

function readCursor(cursor: string | undefined): number {
  if (cursor === undefined) return Infinity;
  if (!CURSOR.test(cursor)) throw new RangeError('The cursor is not one that this service gave out');
  return Number.parseInt(cursor, 36);
}
