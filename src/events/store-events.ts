import type { TaskStore } from '../storage/task-store.js';
import type { CommittedTransition } from '../storage/transitions.js';
import { type EventCounters, type EventsStatus, TaskEvents } from './task-events.js';

/** The events of a store that publishes each one together with its transition, so none is lost or out of order. */
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

  /** Does nothing: the store has published them already. */
  publish(transitions: readonly CommittedTransition[]): void {
    this.published += transitions.length;
  }

  async close(): Promise<void> {
    // The store owns the connection.
  }
}
