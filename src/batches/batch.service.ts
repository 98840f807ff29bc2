import { Injectable, Logger } from '@nestjs/common';
import { ProblemError } from '../http/problem.error.js';
import { afterWrite } from '../queue/after-write.js';
import { redriveAs } from '../queue/steering.service.js';
import { TaskChanger } from '../queue/task-changer.js';
import { TaskStore } from '../storage/task-store.js';
import type { Instant } from '../task/clock.js';
import { cancel } from '../task/task.machine.js';
import type { FailedTask, Task } from '../task/task.js';
import { DEAD_LETTER_STATES, CANCELLABLE_STATES, type StateCounts, countIn } from '../task/task-state.js';
import {
  type Batch,
  type BatchNews,
  done,
  type FinishedBatch,
  isAnotherRun,
  isDone,
  pendingOf,
  running,
  sumOf,
} from './batch.js';
import { BatchEvents } from './batch-events.js';
import { BatchStore } from './batch-store.js';

/** The number of batches to read for each visible one. */
const LOOK_AHEAD = 100;

export interface CountedBatch {
  readonly id: string;
  /** Absent if producers used the `batch_id` without `POST /tasks/batch`. */
  readonly batch: Batch | undefined;
  readonly counts: StateCounts;
}

interface KeptBatch extends CountedBatch {
  readonly batch: Batch;
}

/** The queues that the caller has access to; `undefined` means all. */
type Queues = readonly string[] | undefined;

export interface BatchCancel {
  readonly reason?: string;
  /** Only tasks whose latest attempt ended with this cause. */
  readonly cause?: string;
  readonly queues: Queues;
}

export interface BatchRedrive {
  /** Only dead letters with this outcome. */
  readonly outcome?: FailedTask['outcome'];
  readonly cause?: string;
  /** Drops the checkpoints. */
  readonly isReset?: boolean;
  readonly queues: Queues;
}

/** Reads batches, and cancels or redrives all their tasks. */
@Injectable()
export class BatchService {
  private readonly logger = new Logger(BatchService.name);

  constructor(
    private readonly store: TaskStore,
    private readonly batches: BatchStore,
    private readonly changer: TaskChanger,
    private readonly events: BatchEvents,
  ) {}

  /** @throws ProblemError `batch_not_found` when the caller has access to none of its tasks */
  async find(id: string, queues: Queues): Promise<CountedBatch> {
    const batch = await this.visible(id, queues);
    const counts = await this.visibleCounts(batch ?? { id }, queues);
    // Only its tasks show which queues a batch of an older version covers.
    const isKnown = batch !== undefined && (queues === undefined || batch.queues !== undefined);
    if (!isKnown && countIn(counts) === 0)
      throw new ProblemError('batch_not_found', `There is no batch ${id}`);
    return { id, batch, counts };
  }

  /** The visible batches, newest first. `next` is absent if no visible batch follows. */
  async list(limit: number, { before, queues }: { before?: number; queues: Queues }) {
    const found: KeptBatch[] = [];
    let next = before;
    do {
      const page = await this.visiblePage(limit - found.length, { before: next, queues });
      found.push(...page.batches);
      next = page.next;
    } while (next !== undefined && found.length < limit);
    const hasMore = next !== undefined && (await this.hasVisible(next, queues));
    return { batches: found, next: hasMore ? next : undefined };
  }

  /** Counts the tasks of a batch in these queues. */
  async countSeen(id: string, queues: Queues): Promise<StateCounts> {
    return this.visibleCounts((await this.visible(id, queues)) ?? { id }, queues);
  }

  /** Counts the tasks of a batch in the queues that it covers. */
  async countsOf(batch: Pick<Batch, 'id' | 'queues'>): Promise<StateCounts> {
    return sumOf((await this.store.views.countBatch(batch.id, batch.queues)).map(({ counts }) => counts));
  }

  /** Cancels the tasks that have not ended, all by default; returns their number. */
  async cancel(id: string, { reason, cause, queues }: BatchCancel): Promise<number> {
    const batch = await this.visible(id, queues);
    const count = await this.cancelIn(id, { reason, cause, queues: common(batch?.queues, queues) });
    if (cause === undefined && batch !== undefined && isWhole(batch, queues)) await this.noteCancelled(id);
    return count;
  }

  /** Records that all tasks of a batch were cancelled by other means, if the caller has access to all of them. */
  async noteWhole(id: string, queues: Queues): Promise<void> {
    const batch = await this.visible(id, queues);
    if (batch !== undefined && isWhole(batch, queues)) await this.noteCancelled(id);
  }

  /** Redrives the dead letters; returns their number. */
  async redrive(id: string, { outcome, cause, isReset, queues }: BatchRedrive): Promise<number> {
    const states = outcome === undefined ? DEAD_LETTER_STATES : (['failed'] as const);
    const isSelected = (task: Task) =>
      outcome === undefined || (task.state === 'failed' && task.outcome === outcome);
    const batch = await this.visible(id, queues);
    const filter = { batchId: id, states, queues: common(batch?.queues, queues), cause, isSelected };
    const count = await this.changer.changeMatching(filter, redriveAs({ isReset }));
    try {
      if (count > 0 && batch !== undefined) await this.reopen(id);
    } catch (error) {
      throw afterWrite(error);
    }
    return count;
  }

  /** Sets a finished batch to running, because tasks joined or were redriven. */
  async reopen(id: string): Promise<void> {
    await this.batches.update(id, (batch) => (batch.doneAt === undefined ? undefined : running(batch)));
  }

  /**
   * Brings the batch up to date with its tasks: cancels the rest after too many failures, and announces the end of the
   * last task. Several processes can do so at once while tasks join and are redriven. A process that marks a batch as
   * done counts again after the mark, so it sees every task that was durable by then. A process that adds a task checks
   * for the mark afterwards.
   */
  async settle(id: string, news: BatchNews = {}): Promise<StateCounts> {
    let unread = news;
    for (;;) {
      const { batch, revision } = await this.batches.find(id);
      // Counted after the mark was read, so the mark did not cover any task that is missing here.
      const counts = await this.countsOf(batch ?? { id });
      if (batch === undefined) return counts;
      if (hasFailed(batch, counts) && (await this.cancelRest(batch)) > 0) continue;
      const { doneAt } = batch;
      if (doneAt === undefined) {
        if (!isDone(counts)) return counts;
        const marked = done(batch, this.now);
        if ((await this.batches.put(marked, revision)) !== undefined) return this.confirm(marked, counts);
        // The next mark is newer than the news.
        unread = {};
      } else if (pendingOf(counts) > 0 || isAnotherRun(unread, doneAt, this.now)) {
        if ((await this.batches.put(running(batch), revision)) !== undefined) unread = {};
      } else return counts;
    }
  }

  /** Announces a marked end that no process has announced yet, or reverts the mark. */
  async announceAgain(id: string, doneAt: Instant): Promise<void> {
    const { batch } = await this.batches.find(id);
    if (batch?.doneAt === doneAt && batch.isTold !== true)
      await this.confirm({ ...batch, doneAt }, await this.countsOf(batch));
  }

  /** Announces that a batch is done. `BatchSweeper` repeats it until `isTold` is stored. */
  private async announce(batch: FinishedBatch): Promise<void> {
    await this.events.done(batch);
    await this.batches.update(batch.id, (present) =>
      present.doneAt === batch.doneAt ? { ...present, isTold: true } : undefined,
    );
  }

  /** Verifies a mark with a second count: a task may have joined between the first count and the mark. */
  private async confirm(marked: Batch & { doneAt: Instant }, before: StateCounts): Promise<StateCounts> {
    const counts = await this.countsOf(marked);
    if (pendingOf(counts) > 0) {
      await this.batches.update(marked.id, (present) =>
        present.doneAt === marked.doneAt ? running(present) : undefined,
      );
      return counts;
    }
    // A clear may have removed its tasks in between; the batch is done all the same.
    const last = countIn(counts) > 0 ? counts : before;
    await this.announce({ ...marked, counts: last }).catch((error: unknown) => {
      this.logger.warn(
        `Announcing the end of batch ${marked.id} failed; retrying later: ${(error as Error).message}`,
      );
    });
    return counts;
  }

  private get now(): Instant {
    return this.store.clock.now().wall;
  }

  private async visiblePage(limit: number, { before, queues }: { before?: number; queues: Queues }) {
    const { batches, next } = await this.batches.list(limit, before);
    const counted = await Promise.all(
      batches
        .filter((batch) => isVisible(batch, queues))
        .map(async (batch) => ({ id: batch.id, batch, counts: await this.visibleCounts(batch, queues) })),
    );
    return { batches: counted.filter(({ counts }) => queues === undefined || countIn(counts) > 0), next };
  }

  private async hasVisible(from: number, queues: Queues): Promise<boolean> {
    if (queues === undefined) return true;
    for (let next: number | undefined = from; next !== undefined;) {
      const page: { batches: readonly KeptBatch[]; next?: number } = await this.visiblePage(LOOK_AHEAD, {
        before: next,
        queues,
      });
      if (page.batches.length > 0) return true;
      next = page.next;
    }
    return false;
  }

  /** The stored batch, if the caller has access to one of its queues. */
  private async visible(id: string, queues: Queues): Promise<Batch | undefined> {
    const { batch } = await this.batches.find(id);
    return batch !== undefined && isVisible(batch, queues) ? batch : undefined;
  }

  private async visibleCounts(batch: Pick<Batch, 'id' | 'queues'>, queues: Queues): Promise<StateCounts> {
    return this.countsOf({ id: batch.id, queues: common(batch.queues, queues) });
  }

  private async cancelRest(batch: Batch): Promise<number> {
    const reason = `The batch has more than ${batch.maxFailures} failed ${batch.maxFailures === 1 ? 'task' : 'tasks'}`;
    const count = await this.cancelIn(batch.id, { reason, queues: batch.queues });
    if (count > 0) await this.noteCancelled(batch.id);
    return count;
  }

  private cancelIn(id: string, { reason, ...further }: BatchCancel): Promise<number> {
    const filter = { batchId: id, states: CANCELLABLE_STATES, ...further };
    return this.changer.changeMatching(filter, (task, now) => cancel(task, reason, now));
  }

  private async noteCancelled(id: string): Promise<void> {
    const cancelledAt = this.now;
    await this.batches.update(id, (batch) => ({ ...batch, cancelledAt }));
  }
}

function hasFailed({ maxFailures }: Batch, counts: StateCounts): boolean {
  return maxFailures !== undefined && counts.failed > maxFailures && pendingOf(counts) > 0;
}

function isVisible(batch: Batch, queues: Queues): boolean {
  return queues === undefined || (batch.queues?.some((queue) => queues.includes(queue)) ?? true);
}

/** Whether the caller has access to all queues of the batch. */
function isWhole(batch: Batch, queues: Queues): boolean {
  return queues === undefined || (batch.queues?.every((queue) => queues.includes(queue)) ?? false);
}

function common(one: Queues, other: Queues): Queues {
  if (one === undefined || other === undefined) return one ?? other;
  return one.filter((queue) => other.includes(queue));
}
