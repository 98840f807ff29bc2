import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { OutageJudge } from './outage-judge.js';
import { Config } from '../config/config.js';
import { BackgroundLoop } from '../runtime/background-loop.js';
import { StoreUnavailable, TaskStore } from '../storage/task-store.js';
import type { CommittedTransition } from '../storage/transitions.js';
import { dueAt, tick } from '../task/task.machine.js';
import { isFinished, type Task } from '../task/task.js';

/** Tasks per commit. */
const CHUNK = 500;
/** Milliseconds. The maximum sleep, to notice that the wall clock was set. */
const LONGEST_SLEEP_MS = 1000;

/**
 * Applies deadlines: starts delayed tasks, ends leases, expires and purges tasks. It sleeps until the next deadline and
 * checks at once after an outage. Several sweepers can share a store: the slower one loses the compare-and-set.
 */
@Injectable()
export class DueSweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(DueSweeper.name);
  private readonly loop: BackgroundLoop;

  constructor(
    private readonly store: TaskStore,
    private readonly config: Config,
    private readonly outages: OutageJudge,
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
      this.wakeForEarliest(transitions);
    });
    store.watch({
      onTransitions: () => undefined,
      // Tasks that became due during the outage are already late.
      onGap: () => {
        if (store.isAvailable) this.loop.wake();
      },
    });
  }

  /** Applies the deadlines of the downtime before the first request. */
  async onApplicationBootstrap(): Promise<void> {
    try {
      let due = await this.store.due(CHUNK);
      // Ended tasks come last, and their purge can wait.
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

  /** Applies all deadlines that are due now. */
  async sweep(): Promise<void> {
    let due = await this.store.due(CHUNK);
    // If every write lost, another process is sweeping, so stop.
    while (due.length > 0 && (await this.settle(due)) && !this.loop.isStopped)
      due = await this.store.due(CHUNK);
  }

  /** Returns whether at least one task was written. */
  private async settle(due: readonly Task[]): Promise<boolean> {
    const now = this.store.clock.now();
    const ended = due.filter(isFinished);
    await this.outages.beforeLoss(due.filter((task) => task.state === 'processing'));
    const transitions = due.flatMap(
      (task) => tick(task, now, { isSpared: this.outages.isOutage(task.spec.queue) }) ?? [],
    );
    const results = await Promise.all([
      ended.length > 0 ? this.store.remove(ended) : [],
      transitions.length > 0 ? this.store.replace(transitions, { inSteps: true }) : [],
    ]);
    return results.flat().includes(true);
  }

  /** Wakes up earlier if a task is due earlier. */
  private wakeForEarliest(transitions: readonly CommittedTransition[]): void {
    const now = this.store.clock.now();
    let wait = Infinity;
    for (const { task } of transitions) {
      const due = dueAt(task, this.config.RETENTION_SECONDS);
      if (due !== undefined) wait = Math.min(wait, due.at - now[due.scale]);
    }
    this.loop.wake(wait);
  }
}
