import type { ClearFilter, ClearMarks } from './clear-marks.js';
import type { Commits } from './commits.js';
import type { QueueFiles } from './queue-files.js';
import { RankedSet } from './ranked-set.js';
import type { TaskIndex } from './task-index.js';
import type { TaskReclaimer } from './task-reclaimer.js';

/**
 * Clears any number of tasks in one small commit: a mark hides them at once, and their records are removed in the
 * background. Other writes wait for the commit.
 */
export class TaskClearer {
  private clearing: Promise<number> | undefined;

  constructor(
    private readonly files: QueueFiles,
    private readonly index: TaskIndex,
    private readonly commits: Commits,
    private readonly marks: ClearMarks,
    private readonly reclaimer: TaskReclaimer,
  ) {}

  /** The pending clear, if any. */
  get underWay(): Promise<number> | undefined {
    return this.clearing;
  }

  /** Clears every matching task; returns their number. No other clear may be pending. */
  async clear(filter: ClearFilter): Promise<number> {
    this.clearing = this.forget(filter);
    try {
      return await this.clearing;
    } finally {
      this.clearing = undefined;
    }
  }

  private async forget(filter: ClearFilter): Promise<number> {
    await this.commits.allEnded();
    const generation = this.files.generation + 1;
    // Exact: no write is pending, and none begins before the mark is on disk.
    const count = this.index.countMatching(filter);
    const damaged = isEverything(filter) ? this.drainQuarantine() : [];
    const hasWork = count > 0 || damaged.length > 0;
    await this.commits.save(() => {
      this.files.setCounter('generation', generation);
      if (hasWork) this.files.putClear(generation, filter);
    });
    this.files.generation = generation;
    if (!hasWork) return 0;
    this.marks.add(generation, filter);
    this.files.forgetCleared();
    const { numbers, queues } = this.index.drop(filter);
    this.reclaimer.add([...numbers, ...damaged]);
    // Once for all queues: every waiter checks the store again on each call, and there may be many waiters and queues.
    if (queues.length > 0) this.commits.reportRelaxedLimits(queues.length === 1 ? queues[0] : undefined);
    return count;
  }

  /** Their queues and states are unknown, so only a clear of everything includes them. */
  private drainQuarantine(): readonly RankedSet[] {
    const numbers = new RankedSet();
    for (const number of this.files.quarantine.clear()) numbers.add(number);
    return numbers.size === 0 ? [] : [numbers];
  }
}

function isEverything({ states, queues }: ClearFilter): boolean {
  return states === undefined && queues === undefined;
}
