import type { ProcessingTask, Task, TaskSpec } from '../../../task/task.js';
import { RecentMap } from './recent-map.js';

/** Of so many claims at most the tasks are remembered, as long as they are held: some kilobytes each. */
const MOST = 10_000;

interface HeldTask {
  readonly task: ProcessingTask;
  /** Of its record. */
  readonly head: string;
}

/**
 * Tasks in processing as this process last wrote them. Others may have written since: whoever acts on one of them leaves
 * it to the store to refuse a head that is out of date.
 */
export class HeldTasks {
  private readonly tasks = new RecentMap<string, HeldTask>(MOST);

  find(id: string): Task | undefined {
    return this.tasks.get(id)?.task;
  }

  /** The head of this revision. The life cycle hands the spec on as it is, so it tells the task from others of its id. */
  headOf(spec: TaskSpec, revision: number): string | undefined {
    const held = this.tasks.get(spec.id);
    return held?.task.spec === spec && held.task.revision === revision ? held.head : undefined;
  }

  /** What a script has written. */
  note(task: Task, head: string): void {
    if (task.state === 'processing') this.tasks.set(task.spec.id, { task, head });
    else this.tasks.forget(task.spec.id);
  }

  forget(task: Task): void {
    this.tasks.forget(task.spec.id);
  }

  clear(): void {
    this.tasks.clear();
  }
}
