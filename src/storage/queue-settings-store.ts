import type { QueueSettings, QueueSettingsChange } from '../task/queue-settings.js';

/** A queue with settings. */
export interface ConfiguredQueue {
  readonly queue: string;
  readonly settings: QueueSettings;
}

/**
 * Keeps the settings of queues. Every driver promises:
 *
 * - **Atomic changes.** Concurrent changes of a queue apply one after the other, and claims see either all of a change
 *   or nothing.
 * - **Durability.** A change resolves when it is as durable as a write of a task.
 * - **Notification.** After a change, every watcher's `onLimitsRelaxed` receives the queue.
 *
 * All methods reject with `StoreUnavailable` while the store is unavailable, closing or failed.
 */
export abstract class QueueSettingsStore {
  /** The settings of a queue; empty when it has none. */
  abstract of(queue: string): Promise<QueueSettings>;

  /** Every queue with settings. */
  abstract all(): Promise<readonly ConfiguredQueue[]>;

  /** Changes the settings of a queue and returns the new ones. */
  abstract change(queue: string, change: QueueSettingsChange): Promise<QueueSettings>;

  /** Milliseconds until the queue's rate, or the probes of its outage, allow a claim; 0 when they do now. */
  abstract untilAllowed(queue: string): Promise<number>;
}
