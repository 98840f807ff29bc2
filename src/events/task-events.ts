import type { CommittedTransition } from '../storage/transitions.js';

export type EventsStatus = 'connected' | 'disconnected';

export interface EventCounters {
  /** Events that Redis accepted, with or without subscribers. */
  readonly published: number;
  /** Events passed to `publish` without confirmation from Redis. */
  readonly lost: number;
}

/**
 * Publishes committed transitions.
 *
 * Best effort, at most once: an event can be lost, which is counted, but is never sent twice or out of order. `publish`
 * returns at once, never throws, and has nothing to await.
 */
export abstract class TaskEvents {
  /** Whether events are published now. */
  abstract readonly status: EventsStatus;

  /** Since the start. Events in neither counter are in flight. */
  abstract readonly counters: EventCounters;

  /** Events in the buffer. */
  abstract readonly waiting: number;

  /** Accepts transitions in commit order. */
  abstract publish(transitions: readonly CommittedTransition[]): void;

  /** Sends buffered events for at most a second, then closes the connection. Later events are lost. */
  abstract close(): Promise<void>;
}
