import type { TaskSpec } from '../../task/task.js';
import type { TaskFilter } from '../task-store.js';
import type { Commits } from './commits.js';
import type { QueueFiles } from './queue-files.js';
import type { TaskIndex, TaskNumber } from './task-index.js';
import type { TaskHead } from './task.record.js';

export type ClearFilter = Pick<TaskFilter, 'states' | 'queues'>;

/** Forgets tasks by the thousand, in one commit. Other writes wait for its end. */
export class TaskClearer {
  private clearing: Promise<number> | undefined;
  private generationCount: number;

  constructor(
    private readonly files: QueueFiles,
    private readonly index: TaskIndex,
    private readonly commits: Commits,
  ) {
    this.generationCount = files.counters.get('generation') ?? 0;
  }

  /** Counts up with every clear. */
  get generation(): number {
    return this.generationCount;
  }

  /** The clear that is under way, if one is. */
  get underWay(): Promise<number> | undefined {
    return this.clearing;
  }

  /** Forgets every task that matches; answers how many. No other clear may be under way. */
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
    const gone = this.matching(filter);
    const isAll = filter.states === undefined && filter.queues === undefined;
    let batchIds: (string | undefined)[] = [];
    await this.commits.save(() => {
      batchIds = isAll ? [] : gone.map(([number]) => this.remove(number));
      if (isAll) this.files.clear();
      this.files.setCounter('generation', this.generationCount + 1);
    });
    this.generationCount += 1;
    if (isAll) this.index.batches.clear();
    for (const [index, [number, head]] of gone.entries()) {
      this.index.move(number, head, undefined);
      const batchId = batchIds[index];
      if (batchId !== undefined) this.index.batches.move(batchId, head, undefined);
    }
    for (const queue of new Set(gone.map(([, head]) => head.queue))) this.commits.tellLoosened(queue);
    return gone.length;
  }

  /** The batch that it was in. */
  private remove(number: TaskNumber): string | undefined {
    const spec: Pick<TaskSpec, 'id' | 'batchId'> = this.files.read(number)?.spec ?? { id: '' };
    this.files.remove(number, spec);
    return spec.batchId;
  }

  private matching({ states, queues }: ClearFilter): (readonly [TaskNumber, TaskHead])[] {
    const all: (readonly [TaskNumber, TaskHead])[] = [];
    for (const { key, value } of this.files.heads.getRange()) {
      const isMatch = (states?.includes(value.state) ?? true) && (queues?.includes(value.queue) ?? true);
      if (isMatch) all.push([key, value]);
    }
    return all;
  }
}
