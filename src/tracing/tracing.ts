import type { Committed } from '../storage/task-store.js';

/** Tracing that was started. */
export interface Tracing {
  record(transitions: readonly Committed[]): void;
  /**
   * Sends the spans that are left and ends the tracing. Never rejects.
   *
   * @param within milliseconds that a collector has to take them; 5 seconds by default
   */
  stop(within?: number): Promise<void>;
}
