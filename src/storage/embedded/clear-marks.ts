import { TASK_STATES, type TaskState } from '../../task/task-state.js';
import type { TaskFilter } from '../task-store.js';

export type ClearFilter = Pick<TaskFilter, 'states' | 'queues'>;

/** What a mark looks at. */
interface Markable {
  readonly queue: string;
  readonly state: TaskState;
  /** How many clears there had been when the record was written. */
  readonly generation: number;
}

type Generations = Map<TaskState, number>;

/**
 * What was cleared and is not out of the file yet. A clear is decided by its mark alone: it covers every record that
 * matches its filter and was written before it. What is written later belongs to a later generation, so it is never
 * covered, whatever queue or state it comes to.
 */
export class ClearMarks {
  private readonly everywhere: Generations = new Map();
  private readonly inQueues = new Map<string, Generations>();
  /** The latest of them; 0 for none. */
  latest = 0;

  /** Adds a clear. It has a higher generation than those before. */
  add(generation: number, { states = TASK_STATES, queues }: ClearFilter): void {
    this.latest = generation;
    const marked = queues === undefined ? [this.everywhere] : queues.map((queue) => this.of(queue));
    for (const generations of marked) for (const state of states) generations.set(state, generation);
  }

  covers({ queue, state, generation }: Markable): boolean {
    return this.latest > generation && this.clearedAt(queue, state) > generation;
  }

  /** The generation of the last clear of this state in this queue; 0 when there was none. */
  clearedAt(queue: string, state: TaskState): number {
    const everywhere = this.everywhere.get(state) ?? 0;
    return Math.max(everywhere, this.inQueues.get(queue)?.get(state) ?? 0);
  }

  /** Nothing that they cover is in the file any more. */
  forget(): void {
    this.everywhere.clear();
    this.inQueues.clear();
    this.latest = 0;
  }

  private of(queue: string): Generations {
    const known = this.inQueues.get(queue);
    if (known !== undefined) return known;
    const created: Generations = new Map();
    this.inQueues.set(queue, created);
    return created;
  }
}
