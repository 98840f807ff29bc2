import { Injectable, type OnModuleInit } from '@nestjs/common';
import { TaskStore } from '../storage/task-store.js';
import type { QueueSettings } from '../task/queue-settings.js';

const NOTHING: QueueSettings = {};

/**
 * What is set for queues, as this process knows it: read at start, and again whenever it may have changed. So nobody asks
 * the store for settings on the way of a task.
 */
@Injectable()
export class SettingsCache implements OnModuleInit {
  private settings: ReadonlyMap<string, QueueSettings> = new Map();
  private reading: Promise<void> | undefined;
  private isStale = true;

  constructor(private readonly store: TaskStore) {
    const changed = () => {
      this.isStale = true;
      if (store.isAvailable) void this.known();
    };
    store.watch({ moved: () => undefined, loosened: changed, disturbed: changed });
  }

  async onModuleInit(): Promise<void> {
    await this.known();
  }

  of(queue: string): QueueSettings {
    return this.settings.get(queue) ?? NOTHING;
  }

  /**
   * Resolves when all that was set before is known; `undefined` when it is. While the store is away what was known last
   * stays, and whoever asks next reads again.
   */
  known(): Promise<void> | undefined {
    if (this.isStale) {
      this.reading ??= this.read();
    }
    return this.reading;
  }

  /** Takes over what was just set. */
  async refresh(): Promise<void> {
    this.isStale = true;
    await this.known();
  }

  /** One reading at a time, so that an older answer never replaces a newer one. */
  private async read(): Promise<void> {
    while (this.isStale) {
      this.isStale = false;
      try {
        const configured = await this.store.configured();
        this.settings = new Map(configured.map(({ queue, settings }) => [queue, settings]));
      } catch {
        this.isStale = true;
        break;
      }
    }
    // In the same turn: whoever finds them stale from here on has them read again.
    this.reading = undefined;
  }
}
