import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../config/config.js';
import { BackgroundLoop } from '../runtime/background-loop.js';
import { type Committed, StoreUnavailable, TaskStore } from '../storage/task-store.js';
import { dueAt, tick } from '../task/task.machine.js';
import { isFinished, type Task } from '../task/task.js';

/** Tasks that one commit takes along. */
const CHUNK = 500;
/** It looks at least this often, so that a wall clock that was set is noticed. */
const LONGEST_SLEEP_MS = 1000;

/**
 * Lets time pass: starts what is due, ends leases, expires and forgets tasks. It sleeps until the next deadline, and
 * looks at once when the store comes back. There may be any number of sweepers on a store: whoever is late loses the
 * compare-and-set.
 */
@Injectable()
export class DueSweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(DueSweeper.name);
  private readonly loop: BackgroundLoop;

  constructor(
    private readonly store: TaskStore,
    private readonly config: Config,
  ) {
    this.loop = new BackgroundLoop({
      clock: store.clock,
      pass: async () => {
        await this.sweep();
        return store.untilDue();
      },
      longestMs: LONGEST_SLEEP_MS,
      failure: 'A sweep failed',
      logger: this.logger,
    });
    store.onCommit((transitions) => {
      this.hurry(transitions);
    });
    store.watch({
      moved: () => undefined,
      // What fell due while the store was away is late already.
      disturbed: () => {
        if (store.isAvailable) this.loop.wake();
      },
    });
  }

  /** What came due while no process was up is ready before the first request asks for it. */
  async onApplicationBootstrap(): Promise<void> {
    try {
      let due = await this.store.due(CHUNK);
      // Ended tasks come last, and nobody waits for their end.
      while (!due.every(isFinished) && (await this.settle(due)) && !this.loop.isStopped)
        due = await this.store.due(CHUNK);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) this.logger.error('A sweep failed', (error as Error).stack);
    }
    this.loop.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.loop.stop();
  }

  /** Does all that is due now. */
  async sweep(): Promise<void> {
    let due = await this.store.due(CHUNK);
    // When every write lost, somebody else is at it: looking again at once would only be in the way.
    while (due.length > 0 && (await this.settle(due)) && !this.loop.isStopped)
      due = await this.store.due(CHUNK);
  }

  /** Whether any of it was written. */
  private async settle(due: readonly Task[]): Promise<boolean> {
    const now = this.store.clock.now();
    const ended = due.filter(isFinished);
    const steps = due.flatMap((task) => tick(task, now) ?? []);
    const results = await Promise.all([
      ended.length > 0 ? this.store.remove(ended) : [],
      steps.length > 0 ? this.store.replace(steps, { inSteps: true }) : [],
    ]);
    return results.flat().includes(true);
  }

  /** Wakes up earlier when a task is due earlier. */
  private hurry(transitions: readonly Committed[]): void {
    const now = this.store.clock.now();
    let wait = Infinity;
    for (const { task } of transitions) {
      const due = dueAt(task, this.config.RETENTION_SECONDS);
      if (due !== undefined) wait = Math.min(wait, due.at - now[due.scale]);
    }
    this.loop.wake(wait);
  }
}
