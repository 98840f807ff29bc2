import type { CommittedTransition } from '../storage/transitions.js';

/** A running tracing. */
export interface Tracing {
  record(transitions: readonly CommittedTransition[]): void;
  /**
   * Sends the remaining spans and ends the tracing. Never rejects.
   *
   * @param within milliseconds for the collector to accept them; 5 seconds by default
   */
  stop(within?: number): Promise<void>;
}
