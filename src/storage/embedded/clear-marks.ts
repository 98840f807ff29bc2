import { TASK_STATES, type TaskState } from '../../task/task-state.js';
import type { TaskFilter } from '../task-views.js';

export type ClearFilter = Pick<TaskFilter, 'states' | 'queues'>;

/** The facts of a record that decide whether a mark covers it. */
interface Markable {
  readonly queue: string;
  readonly state: TaskState;
  /** Number of clears before the record was written. */
  readonly generation: number;
}

type Generations = Map<TaskState, number>;

/**
 * Marks of clears whose records are still in the file. A mark covers every record that matches its filter and was
 * written before it. Later records have a later generation, so no mark covers them in any queue or state.
 */
export class ClearMarks {
  private readonly everywhere: Generations = new Map();
  private readonly inQueues = new Map<string, Generations>();
  /** The latest generation; 0 for none. */
  latest = 0;

  /** Adds a clear. Its generation is higher than all earlier ones. */
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

  /** Call this when the file holds no covered record any more. */
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
