import type { Transition } from '../task/task.machine.js';
import type { TaskState } from '../task/task-state.js';

/** A durable transition. */
export interface CommittedTransition extends Transition {
  /**
   * Counts up over all tasks of the store, also across restarts; gaps are possible. In a Redis Cluster it counts per
   * queue, and the order between two queues depends on their nodes' clocks.
   */
  readonly id: number;
}

/** A transition in brief, as all processes that share the store receive it. */
export interface TransitionSummary {
  readonly id: string;
  readonly queue: string;
  /** The state after the transition. */
  readonly state: TaskState;
}

/** Receives the transitions of all processes that share the store. No method may throw. */
export interface TransitionWatcher {
  onTransitions(transitions: readonly TransitionSummary[]): void;
  /** A limit of this queue, or of any queue, may allow more without a transition: after new settings or a clear. */
  onLimitsRelaxed?(queue: string | undefined): void;
  /** Transitions may have been missed or may be missed soon. Waiters must check the store again. */
  onGap(): void;
}
