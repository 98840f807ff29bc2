import type { TransitionType } from '../task/task.js';

/** The published event of a transition. */
export interface PublishedEvent {
  readonly id: number;
  readonly type: TransitionType;
  readonly queue: string;
  readonly evalId: string;
  /** The event as JSON. */
  readonly text: string;
}

/** Receives the events of a store. No method may throw. */
export interface EventFollower {
  /** All events after this id follow. Called first, and again after a gap. */
  onStart(after: number): void;
  /** The next events in id order. */
  onEvents(events: readonly PublishedEvent[]): void;
}

export interface PastEvents {
  /** Only events with a higher id. */
  readonly after: number;
  /** Only events up to this id, which must have been delivered. */
  readonly until: number;
  /** All queues by default. */
  readonly queues?: readonly string[];
  readonly limit: number;
}

export interface EventPage {
  readonly events: readonly PublishedEvent[];
  /** Every event up to this id has been examined. */
  readonly position: number;
}

/**
 * The events of all processes that share a store. A follower receives each event once, in id order. After a gap the log
 * calls `begins` again.
 */
export abstract class EventLog {
  /**
   * Delivers events to `follower` from now on, in place of any earlier follower.
   *
   * @throws StoreUnavailable
   */
  abstract follow(follower: EventFollower): Promise<void>;

  abstract unfollow(): void;

  /**
   * Waits until every event up to this id has been delivered here; another process may have delivered it earlier.
   * Resolves with false when no event can have the id yet, or no follower is registered.
   *
   * @throws StoreUnavailable
   */
  reaches(_id: number): Promise<boolean> {
    return Promise.resolve(false);
  }

  /**
   * Reads past events that are still kept, oldest first. `undefined` when some of the requested events may have been
   * removed.
   *
   * @throws StoreUnavailable
   */
  abstract past(query: PastEvents): Promise<EventPage | undefined>;
}
