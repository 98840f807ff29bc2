import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { EndingsBoard } from '../queue/endings-board.js';
import { EndingsJudge } from '../queue/endings-judge.js';
import { StoreUnavailable, TaskStore } from '../storage/task-store.js';
import { brokenSince } from '../task/worker-quarantine.js';
import { DrainList } from './drain-list.js';

/**
 * Quarantines workers whose attempts are all interrupted while attempts of others complete or fail. A quarantine is a
 * drain with a reason; it lasts until an operator resumes the worker.
 */
@Injectable()
export class WorkerQuarantine extends EndingsJudge {
  constructor(
    private readonly store: TaskStore,
    private readonly board: EndingsBoard,
    private readonly drains: DrainList,
    private readonly config: Config,
  ) {
    super(store.clock, 'Judging workers failed');
    // At once, because a broken worker may claim many tasks in a second.
    store.onCommit((transitions) => {
      for (const { ended } of transitions)
        if (ended?.outcome === 'lost' && ended.workerId !== undefined) this.loop.wake();
    });
  }

  /** Judges every worker that had an interruption lately. */
  override async look(): Promise<void> {
    const { WORKER_QUARANTINE_AFTER: after } = this.config;
    if (after === 0) return;
    for (const id of this.board.suspectWorkers()) {
      // After a resume, only later attempts count.
      if (this.drains.quarantineOf(id) !== undefined) this.board.forgetWorker(id);
      else if (!this.drains.has(id)) await this.judge(id, after);
    }
  }

  private async judge(id: string, after: number): Promise<void> {
    const since = brokenSince(this.board.attemptsOf(id), after);
    if (since === undefined || !this.board.hasOrdinarySince(since)) return;
    const reason = `Its last ${after} attempts were interrupted, while attempts of other workers ended`;
    try {
      await this.drains.add(id, { since: this.store.clock.now().wall, reason });
      this.logger.warn(`Worker ${id} is quarantined until it is resumed: ${reason}`);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }
}
