import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../config/config.js';
import type { Caller } from '../queue/caller.js';
import { awayWhileParked, tooManyWaiters } from '../queue/waiting-room.js';
import { StoreUnavailable, TaskStore } from '../storage/task-store.js';
import type { Seconds } from '../task/clock.js';
import { isFinalState } from '../task/task.js';
import { isDone } from './batch.js';
import { BatchService } from './batch.service.js';

/** However fast tasks end, a batch is looked at no more often. */
const LOOK_MS = 100;

interface ParkedRead {
  readonly id: string;
  readonly leave: (error?: Error) => void;
}

/** Looks at batches whose tasks end, and parks reads that wait for the end of a batch. */
@Injectable()
export class BatchWatch implements OnModuleDestroy {
  private readonly logger = new Logger(BatchWatch.name);
  private readonly parked = new Set<ParkedRead>();
  private readonly changed = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private isClosed = false;

  constructor(
    store: TaskStore,
    private readonly batches: BatchService,
    private readonly config: Config,
  ) {
    store.onCommit((transitions) => {
      for (const { task } of transitions) {
        if (task.spec.batchId !== undefined && isFinalState(task.state)) this.note(task.spec.batchId);
      }
    });
    store.watch({
      moved: (moves) => {
        // Another process may have ended the last task; the move does not say of which batch.
        if (this.parked.size > 0 && moves.some(({ state }) => isFinalState(state))) this.noteParked();
      },
      disturbed: () => {
        if (store.isAvailable) {
          this.noteParked();
          if (this.changed.size > 0) this.hurry();
        } else for (const read of this.parked) read.leave(awayWhileParked());
      },
    });
  }

  /**
   * Resolves when the batch is done, `wait` is over, the caller hangs up or the service closes.
   *
   * @throws ProblemError `too_many_waiters`, or `store_unavailable` when the store goes away
   */
  untilDone(id: string, wait: Seconds, caller: Caller): Promise<void> {
    if (this.isClosed) return Promise.resolve();
    if (this.parked.size >= this.config.MAX_PARKED_POLLS) throw tooManyWaiters(this.config);
    return new Promise((resolve, reject) => {
      const read: ParkedRead = {
        id,
        leave: (error) => {
          clearTimeout(timer);
          this.parked.delete(read);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      const timer = setTimeout(read.leave, wait * 1000);
      this.parked.add(read);
      caller.onGone(() => {
        read.leave();
      });
      // It is parked first and looked at then, so the last task cannot end between the two.
      this.note(id);
    });
  }

  /** Looks at all batches whose tasks have ended. */
  run(): Promise<void> {
    const run = this.running.then(() => this.pass());
    this.running = run.catch(() => undefined);
    return run;
  }

  async onModuleDestroy(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.timer);
    for (const read of this.parked) read.leave();
    await this.run().catch(() => undefined);
  }

  private noteParked(): void {
    for (const { id } of this.parked) this.note(id);
  }

  private note(id: string): void {
    this.changed.add(id);
    this.hurry();
  }

  private hurry(): void {
    if (this.timer !== undefined || this.isClosed) return;
    this.timer = setTimeout(() => {
      this.run().catch((error: unknown) => {
        if (!(error instanceof StoreUnavailable))
          this.logger.error('Looking at batches failed', (error as Error).stack);
      });
    }, LOOK_MS);
  }

  private async pass(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const ids = [...this.changed];
    this.changed.clear();
    for (const id of ids) {
      const counts = await this.batches.settle(id).catch((error: unknown) => {
        // It is looked at again with the next end of a task, or when the store is back.
        for (const each of ids) this.changed.add(each);
        throw error;
      });
      if (!isDone(counts)) continue;
      for (const read of this.parked) if (read.id === id) read.leave();
    }
  }
}
