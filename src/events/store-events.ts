import type { Committed, TaskStore } from '../storage/task-store.js';
import { type EventCounters, type EventsStatus, TaskEvents } from './task-events.js';

/** The events of a store that publishes them itself: with the transition, so none is lost, invented or out of order. */
export class StoreEvents extends TaskEvents {
  readonly waiting = 0;
  private published = 0;

  constructor(private readonly store: Pick<TaskStore, 'isAvailable'>) {
    super();
  }

  get status(): EventsStatus {
    return this.store.isAvailable ? 'connected' : 'disconnected';
  }

  get counters(): EventCounters {
    return { published: this.published, lost: 0 };
  }

  /** They are out already. */
  publish(transitions: readonly Committed[]): void {
    this.published += transitions.length;
  }

  async close(): Promise<void> {
    // The connection is the store's.
  }
}
