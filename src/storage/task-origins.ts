import type { TaskSpec } from '../task/task.js';

/**
 * What a store remembers of the tasks that it handed out: the record that each was read from, so that a write finds
 * it, and sees whether it is still the same, without a search.
 *
 * A task is known by its `spec` object, because every transition hands that object on: two values of `Task` with one
 * `spec` object are the same task at two moments. A test of all histories of a task holds the machine to it. A task that
 * was built anew, with an equal `spec`, has no origin, and the store looks for it.
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
