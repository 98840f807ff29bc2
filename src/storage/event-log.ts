import type { TransitionType } from '../task/task.js';

/** The event of a transition, as it goes out. */
export interface LoggedEvent {
  readonly id: number;
  readonly type: TransitionType;
  readonly queue: string;
  readonly evalId: string;
  /** The event as JSON. */
  readonly text: string;
}

/** Hears the events of a store. No method may throw. */
export interface EventFollower {
  /** All events after this id are told from now on. Called first, and again when some may have been missed. */
  begins(after: number): void;
  /** The next events, in the order of their ids. */
  told(events: readonly LoggedEvent[]): void;
}

export interface PastEvents {
  /** Later than this. */
  readonly after: number;
  /** And no later than this; it must have been told. */
  readonly until: number;
  /** By default all. */
  readonly queues?: readonly string[];
  readonly limit: number;
}

export interface EventPage {
  readonly events: readonly LoggedEvent[];
  /** All events up to this id have been looked at. */
  readonly position: number;
}

/**
 * The events of all processes at a store. While somebody follows they are told in the order of their ids, each once;
 * when some of them cannot be told any more, it begins anew.
 */
export abstract class EventLog {
  /**
   * Tells `follower` from now on, and nobody else.
   *
   * @throws StoreUnavailable
   */
  abstract follow(follower: EventFollower): Promise<void>;

  abstract unfollow(): void;

  /**
   * Resolves with true when everything up to this id has been told here, which another process may have told sooner; with
   * false when no event can have the id yet, or nobody follows.
   *
   * @throws StoreUnavailable
   */
  reaches(_id: number): Promise<boolean> {
    return Promise.resolve(false);
  }

  /**
   * Events that were told before, or before anybody followed, as far as they are kept: the first ones, or `undefined`
   * when some of those asked for may be gone.
   *
   * @throws StoreUnavailable
   */
  abstract past(query: PastEvents): Promise<EventPage | undefined>;
}
