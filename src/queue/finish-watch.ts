import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../config/config.js';
import { TaskStore } from '../storage/task-store.js';
import type { Seconds } from '../task/clock.js';
import { isFinished } from '../task/task.js';
import type { Caller } from './caller.js';
import { tooManyWaiters } from './waiting-room.js';

/** Parks reads that wait for the end of a task. */
@Injectable()
export class FinishWatch implements OnModuleDestroy {
  private readonly watchers = new Map<string, Set<() => void>>();
  private isClosed = false;
  private count = 0;

  constructor(
    store: TaskStore,
    private readonly config: Config,
  ) {
    store.onCommit((transitions) => {
      for (const { task } of transitions) if (isFinished(task)) this.tell(task.spec.id);
    });
  }

  /** Reads that are parked now. */
  get size(): number {
    return this.count;
  }

  /**
   * Begins to watch. Start it before the task is read, or its end may be missed.
   *
   * @throws ProblemError `too_many_waiters`
   * @returns resolves when the task ends, `wait` is over, the caller hangs up, or the service closes
   */
  ended(id: string, wait: Seconds, caller: Caller): Promise<void> {
    if (this.isClosed) return Promise.resolve();
    if (this.count >= this.config.MAX_PARKED_POLLS) throw tooManyWaiters(this.config);
    return new Promise((resolve) => {
      const leave = () => {
        clearTimeout(timer);
        this.remove(id, leave);
        resolve();
      };
      const timer = setTimeout(leave, wait * 1000);
      this.add(id, leave);
      caller.onGone(leave);
    });
  }

  /** Answers everybody who waits for this task. */
  tell(id: string): void {
    for (const leave of this.watchers.get(id) ?? []) leave();
  }

  onModuleDestroy(): void {
    this.isClosed = true;
    for (const id of this.watchers.keys()) this.tell(id);
  }

  private add(id: string, leave: () => void): void {
    this.count += 1;
    const watching = this.watchers.get(id);
    if (watching === undefined) this.watchers.set(id, new Set([leave]));
    else watching.add(leave);
  }

  private remove(id: string, leave: () => void): void {
    const watching = this.watchers.get(id);
    if (watching?.delete(leave)) this.count -= 1;
    if (watching?.size === 0) this.watchers.delete(id);
  }
}
