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
  /** @deprecated Register a `TransitionWatcher`. */
  watch(watcher: StoreWatcher): void;
  /** Registers `watcher` for the transitions of all processes. */
  watch(watcher: TransitionWatcher): void;
  watch(watcher: TransitionWatcher | StoreWatcher): void {
    this.addWatcher('moved' in watcher ? renamed(watcher) : watcher);
  }

  protected abstract addWatcher(watcher: TransitionWatcher): void;
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
