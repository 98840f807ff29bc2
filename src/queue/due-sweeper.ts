import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../config/config.js';
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
  private timer: NodeJS.Timeout | undefined;
  /** When the timer fires, on the steady scale. */
  private wakesAt = Infinity;
  private running: Promise<void> | undefined;
  private isStopped = false;
  /** Commits seen. */
  private commits = 0;
  /** How often the store was seen to be back. */
  private returns = 0;

  constructor(
    private readonly store: TaskStore,
    private readonly config: Config,
  ) {
    store.onCommit((transitions) => {
      this.hurry(transitions);
    });
    store.watch({
      moved: () => undefined,
      disturbed: () => {
        this.catchUp();
      },
    });
  }

  /** What came due while no process was up is ready before the first request asks for it. */
  async onApplicationBootstrap(): Promise<void> {
    try {
      let due = await this.store.due(CHUNK);
      // Ended tasks come last, and nobody waits for their end.
      while (!due.every(isFinished) && (await this.settle(due)) && !this.isStopped)
        due = await this.store.due(CHUNK);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) this.logger.error('A sweep failed', (error as Error).stack);
    }
    this.sleep(0);
  }

  async onModuleDestroy(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  /** Does all that is due now. */
  async sweep(): Promise<void> {
    let due = await this.store.due(CHUNK);
    // When every write lost, somebody else is at it: looking again at once would only be in the way.
    while (due.length > 0 && (await this.settle(due)) && !this.isStopped) due = await this.store.due(CHUNK);
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

  private async run(): Promise<void> {
    this.timer = undefined;
    const { returns } = this;
    let wait: number | undefined;
    try {
      await this.sweep();
      const commits = this.commits;
      wait = await this.store.untilDue();
      // What was committed meanwhile may be due earlier.
      if (commits !== this.commits) wait = 0;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) this.logger.error('A sweep failed', (error as Error).stack);
    }
    // It may have failed because the store was away a moment ago.
    if (returns !== this.returns) wait = 0;
    this.sleep(Math.min(wait ?? LONGEST_SLEEP_MS, LONGEST_SLEEP_MS));
  }

  /** What fell due while the store was away is late already. */
  private catchUp(): void {
    if (!this.store.isAvailable) return;
    this.returns += 1;
    if (this.timer !== undefined) this.sleep(0);
  }

  /** Wakes up earlier when a task is due earlier. */
  private hurry(transitions: readonly Committed[]): void {
    this.commits += 1;
    if (this.timer === undefined) return;
    const now = this.store.clock.now();
    for (const { task } of transitions) {
      const due = dueAt(task, this.config.RETENTION_SECONDS);
      const wait = due === undefined ? Infinity : due.at - now[due.scale];
      if (now.steady + wait < this.wakesAt) this.sleep(wait);
    }
  }

  private sleep(ms: number): void {
    if (this.isStopped) return;
    clearTimeout(this.timer);
    const wait = Math.max(ms, 0);
    this.wakesAt = this.store.clock.now().steady + wait;
    this.timer = setTimeout(() => {
      this.running = this.run();
    }, wait);
  }
}
