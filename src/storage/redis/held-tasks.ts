import type { ProcessingTask, Task } from '../../task/task.js';

/** So many are remembered at most, some kilobytes each. */
const MOST = 10_000;

/**
 * Tasks in processing as this process last wrote them. Others may have written since: whoever acts on one of them leaves
 * it to the store to refuse a revision that is out of date.
 */
export class HeldTasks {
  private readonly tasks = new Map<string, ProcessingTask>();

  find(id: string): Task | undefined {
    return this.tasks.get(id);
  }

  /** What a script has written. */
  note(task: Task): void {
    const { id } = task.spec;
    this.tasks.delete(id);
    if (task.state !== 'processing') return;
    this.tasks.set(id, task);
    const [oldest] = this.tasks.keys();
    if (this.tasks.size > MOST && oldest !== undefined) this.tasks.delete(oldest);
  }

  forget(task: Task): void {
    this.tasks.delete(task.spec.id);
  }

  clear(): void {
    this.tasks.clear();
  }
}
