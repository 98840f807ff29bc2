import type { Committed } from '../storage/task-store.js';

export type EventsStatus = 'connected' | 'disconnected';

export interface EventCounters {
  /** Taken by Redis, whether anybody listened or not. */
  readonly published: number;
  /** Given to `publish` and not known to have been taken. */
  readonly lost: number;
}

/**
 * Tells the outside about committed transitions.
 *
 * Best effort, at most once: an event may be lost and is counted then, but is never sent twice and never after a
 * later one. Whoever publishes is not held up: `publish` returns at once, never throws, and has nothing to await.
 */
export abstract class TaskEvents {
  /** Whether events go out now. */
  abstract readonly status: EventsStatus;

  /** Since the start. What is in neither number is still on its way. */
  abstract readonly counters: EventCounters;

  /** Events that are kept until they can be sent. */
  abstract readonly waiting: number;

  /** Takes transitions in the order of their commits. */
  abstract publish(transitions: readonly Committed[]): void;

  /** Sends what is waiting, for at most a second, then lets go of the connection. Later events are lost. */
  abstract close(): Promise<void>;
}
