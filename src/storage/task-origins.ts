import type { TaskSpec } from '../task/task.js';

/**
 * Remembers which record each task was read from. A write then finds the record, and detects a newer one, without a
 * search.
 *
 * The key is the task's `spec` object, which every transition passes on: two `Task` values with the same `spec` object
 * are one task at two moments. A test of all task histories checks this. A rebuilt task with an equal `spec` has no
 * origin, and the store searches for its record.
 */
export class TaskOrigins<Origin> {
  private readonly bySpec = new WeakMap<TaskSpec, Origin>();

  note(spec: TaskSpec, origin: Origin): void {
    this.bySpec.set(spec, origin);
  }

  of(spec: TaskSpec): Origin | undefined {
    return this.bySpec.get(spec);
  }
}
