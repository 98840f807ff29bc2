import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../config/config.js';
import { BackgroundLoop } from '../runtime/background-loop.js';
import { StoreUnavailable } from '../storage/task-store.js';
import { Clock, type Instant, isAhead } from '../task/clock.js';
import { type Batch } from './batch.js';
import { BatchService } from './batch.service.js';
import { OPENED_WITHIN_MS } from './batch-register.js';
import { BatchStore } from './batch-store.js';
import { countIn } from '../task/task-state.js';

/** Milliseconds between two sweeps; the first runs at startup. */
const SWEEP_MS = 60_000;
const PAGE = 500;
/** Milliseconds within which a running process that marks a batch as done announces it. */
const ANNOUNCE_AFTER_MS = 10_000;

/**
 * Completes the work of a crashed process: announces finished batches and removes batches without tasks after their
 * retention. Several sweepers can share a store: a changed batch is not removed, and repeated announcements have the
 * same id.
 */
@Injectable()
export class BatchSweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(BatchSweeper.name);
  private readonly loop: BackgroundLoop;
  /** The process that marked an end may have been this one before its restart. A repeated announcement is harmless. */
  private announceAfterMs = 0;

  constructor(
    private readonly batches: BatchStore,
    private readonly service: BatchService,
    private readonly clock: Clock,
    private readonly config: Config,
  ) {
    this.loop = new BackgroundLoop({
      clock,
      pass: () => this.sweep(),
      longestMs: SWEEP_MS,
      failure: 'Sweeping batches failed',
      logger: this.logger,
    });
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.loop.stop();
  }

  /** Checks all batches. */
  async sweep(): Promise<undefined> {
    let before: number | undefined;
    do {
      const page = await this.batches.list(PAGE, before);
      for (const batch of page.batches) if (!this.loop.isStopped) await this.lookAndLog(batch);
      before = page.next;
    } while (before !== undefined && !this.loop.isStopped);
    this.announceAfterMs = ANNOUNCE_AFTER_MS;
  }

  /** A batch whose check fails is logged and left to the next sweep. */
  private async lookAndLog(batch: Batch): Promise<void> {
    try {
      await this.look(batch);
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      this.logger.error(`Checking batch ${batch.id} failed`, (error as Error).stack);
    }
  }

  private async look(read: Batch): Promise<void> {
    const now = this.clock.now().wall;
    const batch = plausible(read, now);
    const { id, doneAt, isTold = false } = batch;
    if (batch !== read) await this.batches.update(id, (present) => plausible(present, now));
    const isOld = now - lastSign(batch) >= this.keptMs;
    // Most batches need no action, so their tasks are not counted.
    if (isTold && !isOld) return;
    if (doneAt !== undefined && !isTold) {
      if (now - doneAt >= this.announceAfterMs) await this.service.announceAgain(id, doneAt);
      return;
    }
    const counts = await (doneAt === undefined ? this.service.settle(id) : this.service.countsOf(batch));
    if (isOld && countIn(counts) === 0) await this.batches.remove(batch);
  }

  /** The retention, extended because `openedAt` is accurate to the minute and precedes the tasks. */
  private get keptMs(): number {
    return Math.max(this.config.RETENTION_SECONDS * 1000, 2 * OPENED_WITHIN_MS);
  }
}

/** When a task was last enqueued into the batch, or when it was done. */
function lastSign({ createdAt, openedAt = createdAt, doneAt = openedAt }: Batch): Instant {
  return Math.max(openedAt, doneAt);
}

/** Replaces times in the future by `now`: a wrong clock wrote them, and they would extend the retention. */
function plausible(batch: Batch, now: Instant): Batch {
  const { openedAt, doneAt } = batch;
  if (!isAhead(openedAt, now) && !isAhead(doneAt, now)) return batch;
  return {
    ...batch,
    ...(isAhead(openedAt, now) && { openedAt: now }),
    ...(isAhead(doneAt, now) && { doneAt: now }),
  };
}
