import { Injectable, Logger } from '@nestjs/common';
import { ProblemError } from '../http/problem.error.js';
import { afterWrite } from '../queue/after-write.js';
import { TaskChanger, type Decide } from '../queue/task-changer.js';
import { type StateCounts, type TaskFilter, TaskStore } from '../storage/task-store.js';
import { cancel, redrive } from '../task/task.machine.js';
import { DEAD_LETTER_STATES, TASK_STATES, isFinalState, type Task } from '../task/task.js';
import { type Batch, type FinishedBatch, isDone, sumOf, totalOf } from './batch.js';
import { BatchEvents } from './batch.events.js';
import { BatchStore } from './batch.store.js';

/** Tasks of one commit. */
const CHUNK = 500;
const PENDING = TASK_STATES.filter((state) => !isFinalState(state));

export interface CountedBatch {
  readonly id: string;
  /** Absent for tasks that were given a `batch_id` one by one. */
  readonly batch: Batch | undefined;
  readonly counts: StateCounts;
}

/** What may be seen and changed: these queues, or all. */
type Queues = readonly string[] | undefined;

/** Looks at batches, and does something with all their tasks. */
@Injectable()
export class BatchService {
  private readonly logger = new Logger(BatchService.name);

  constructor(
    private readonly store: TaskStore,
    private readonly batches: BatchStore,
    private readonly changer: TaskChanger,
    private readonly events: BatchEvents,
  ) {}

  /** @throws ProblemError `batch_not_found` when there is nothing of it that may be seen */
  async find(id: string, queues: Queues): Promise<CountedBatch> {
    const [batch, counts] = await Promise.all([this.batches.find(id), this.countsOf(id, queues)]);
    const isThere = totalOf(counts) > 0 || (batch !== undefined && queues === undefined);
    if (!isThere) throw new ProblemError('batch_not_found', `There is no batch ${id}`);
    return { id, batch, counts };
  }

  /** The youngest first; those of which nothing may be seen are left out. */
  async list(limit: number, { before, queues }: { before?: number; queues: Queues }) {
    const { batches, next } = await this.batches.list(limit, before);
    const counted = await Promise.all(
      batches.map(async (batch) => ({ id: batch.id, batch, counts: await this.countsOf(batch.id, queues) })),
    );
    return { next, batches: counted.filter(({ counts }) => queues === undefined || totalOf(counts) > 0) };
  }

  async countsOf(id: string, queues?: Queues): Promise<StateCounts> {
    const byQueue = await this.store.countBatch(id);
    return sumOf(byQueue.filter(({ queue }) => queues?.includes(queue) ?? true).map(({ counts }) => counts));
  }

  /** Cancels what has not ended: how many that were. */
  async cancel(id: string, reason: string | undefined, queues: Queues): Promise<number> {
    const count = await this.changeAll({ batchId: id, states: PENDING, queues }, (task, now) =>
      cancel(task, reason, now),
    );
    const cancelledAt = this.store.clock.now().wall;
    await this.batches.update(id, (batch) => ({ ...batch, cancelledAt }));
    return count;
  }

  /** Gives dead letters back to their queues: how many that were. */
  redrive(id: string, outcome: 'failed' | 'lost' | undefined, queues: Queues): Promise<number> {
    const states = outcome === undefined ? DEAD_LETTER_STATES : (['failed'] as const);
    const isWanted = (task: Task) =>
      outcome === undefined || (task.state === 'failed' && task.outcome === outcome);
    return this.changeAll({ batchId: id, states, queues }, redrive, isWanted);
  }

  /** Does what follows from the end of a task: cancels the rest after too many failures, and tells of the end of all. */
  async settle(id: string): Promise<StateCounts> {
    const [batch, counts] = await Promise.all([this.batches.find(id), this.countsOf(id)]);
    if (batch === undefined) return counts;
    const { maxFailures } = batch;
    if (maxFailures !== undefined && counts.failed > maxFailures && !isDone(counts)) {
      await this.cancel(id, `More than ${maxFailures} tasks of the batch failed`, undefined);
      return this.settle(id);
    }
    if (isDone(counts) && batch.doneAt === undefined) await this.finish(id, counts);
    return counts;
  }

  private async finish(id: string, counts: StateCounts): Promise<void> {
    const doneAt = this.store.clock.now().wall;
    let done: Batch | undefined;
    const isFirst = await this.batches.update(id, (batch) => {
      done = batch.doneAt === undefined ? { ...batch, doneAt } : undefined;
      return done;
    });
    if (!isFirst || done === undefined) return;
    await this.tell({ ...done, doneAt, counts }).catch((error: unknown) => {
      this.logger.warn(`The end of batch ${id} will be told later: ${(error as Error).message}`);
    });
  }

  /** Tells that a batch is done. Until that was noted it is told again, see `BatchSweeper`. */
  async tell(batch: FinishedBatch): Promise<void> {
    await this.events.done(batch);
    await this.batches.update(batch.id, (present) =>
      present.doneAt === batch.doneAt ? { ...present, isTold: true } : undefined,
    );
  }

  private async changeAll(
    filter: TaskFilter,
    decide: Decide,
    isWanted: (task: Task) => boolean = () => true,
  ): Promise<number> {
    let count = 0;
    let cursor: string | undefined;
    try {
      do {
        const page = await this.store.list({ ...filter, limit: CHUNK, cursor });
        const commands = page.tasks.filter(isWanted).map(({ spec }) => ({ id: spec.id, decide }));
        const results = await this.changer.changeAll(commands);
        count += results.filter(({ status }) => status === 'fulfilled').length;
        cursor = page.nextCursor;
      } while (cursor !== undefined);
    } catch (error) {
      throw count > 0 ? afterWrite(error) : error;
    }
    return count;
  }
}
