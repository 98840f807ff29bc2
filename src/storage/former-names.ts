import type { QueueSettings, QueueSettingsChange } from '../task/queue-settings.js';
import type { Task } from '../task/task.js';
import type { ConfiguredQueue, QueueSettingsStore } from './queue-settings-store.js';
import type { BatchCounts, QueueCounts, StoreTotals, TaskPage, TaskQuery, TaskViews } from './task-views.js';
import type { CommittedTransition, TransitionSummary, TransitionWatcher } from './transitions.js';

/**
 * Names that the port had before. Extensions may use them until the next major version; the service does not.
 */

/** @deprecated Use `CommittedTransition`. */
export type Committed = CommittedTransition;

/** @deprecated Use `TransitionSummary`. */
export type Move = TransitionSummary;

/** @deprecated Use `TransitionWatcher`: `onTransitions`, `onLimitsRelaxed` and `onGap`. */
export interface StoreWatcher {
  moved(transitions: readonly TransitionSummary[]): void;
  loosened?(queue: string | undefined): void;
  disturbed(): void;
}

/** The part of `TaskStore` that accepts former names. */
export abstract class FormerTaskStore {
  abstract readonly settings: QueueSettingsStore;
  abstract readonly views: TaskViews;
  abstract readonly receivesEveryProcess: boolean;

  /** @deprecated Use `receivesEveryProcess`. */
  get hearsOthers(): boolean {
    return this.receivesEveryProcess;
  }

  /** @deprecated Register a `TransitionWatcher`. */
  watch(watcher: StoreWatcher): void;
  /** Registers `watcher` for the transitions of all processes. */
  watch(watcher: TransitionWatcher): void;
  watch(watcher: TransitionWatcher | StoreWatcher): void {
    this.addWatcher('moved' in watcher ? renamed(watcher) : watcher);
  }

  protected abstract addWatcher(watcher: TransitionWatcher): void;

  /** @deprecated Use `views.list`. */
  list(query: TaskQuery): Promise<TaskPage> {
    return this.views.list(query);
  }

  /** @deprecated Use `views.counts`. */
  counts(): Promise<readonly QueueCounts[]> {
    return this.views.counts();
  }

  /** @deprecated Use `views.countQueue`. */
  countQueue(queue: string): Promise<QueueCounts | undefined> {
    return this.views.countQueue(queue);
  }

  /** @deprecated Use `views.totals`. */
  totals(): Promise<StoreTotals> {
    return this.views.totals();
  }

  /** @deprecated Use `views.depth`. */
  depth(queue: string): Promise<number> {
    return this.views.depth(queue);
  }

  /** @deprecated Use `views.countBatch`. */
  countBatch(id: string, queues?: readonly string[]): Promise<readonly BatchCounts[]> {
    return this.views.countBatch(id, queues);
  }

  /** @deprecated Use `views.position`. */
  position(task: Task): Promise<number | undefined> {
    return this.views.position(task);
  }

  /** @deprecated Use `settings.of`. */
  settingsOf(queue: string): Promise<QueueSettings> {
    return this.settings.of(queue);
  }

  /** @deprecated Use `settings.all`. */
  configured(): Promise<readonly ConfiguredQueue[]> {
    return this.settings.all();
  }

  /** @deprecated Use `settings.change`. */
  configure(queue: string, change: QueueSettingsChange): Promise<QueueSettings> {
    return this.settings.change(queue, change);
  }

  /** @deprecated Use `settings.untilAllowed`. */
  untilAllowed(queue: string): Promise<number> {
    return this.settings.untilAllowed(queue);
  }
}

function renamed(watcher: StoreWatcher): TransitionWatcher {
  return {
    onTransitions: (transitions) => {
      watcher.moved(transitions);
    },
    onLimitsRelaxed: (queue) => {
      watcher.loosened?.(queue);
    },
    onGap: () => {
      watcher.disturbed();
    },
  };
}
