import { Injectable } from '@nestjs/common';
import { type CommittedTransition, TaskStore } from 'crucible-queue/extension';

interface RunTime {
  readonly tasks: number;
  readonly seconds: number;
}

/** Sums the run times of completed tasks by language. The store calls it after each commit of this process. */
@Injectable()
export class RunTimes {
  private readonly languages = new Map<string, RunTime>();

  constructor(store: TaskStore) {
    // A listener must not throw. It delays the process, so keep it short.
    store.onCommit((transitions) => {
      for (const transition of transitions) this.see(transition);
    });
  }

  /** Mean run time in seconds by language. */
  means(): Record<string, { tasks: number; mean_seconds: number }> {
    const rows = [...this.languages].map(([language, { tasks, seconds }]) => [
      language,
      { tasks, mean_seconds: seconds / tasks },
    ]);
    return Object.fromEntries(rows) as Record<string, { tasks: number; mean_seconds: number }>;
  }

  private see({ task }: CommittedTransition): void {
    if (task.state !== 'completed' || task.startedAt === undefined) return;
    const { language } = task.spec;
    const { tasks, seconds } = this.languages.get(language) ?? { tasks: 0, seconds: 0 };
    const ran = (task.finishedAt - task.startedAt) / 1000;
    this.languages.set(language, { tasks: tasks + 1, seconds: seconds + ran });
  }
}
