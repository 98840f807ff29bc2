import { Injectable, type OnModuleInit } from '@nestjs/common';
import { TaskStore } from '../storage/task-store.js';
import type { QueueSettings } from '../task/queue-settings.js';

const NOTHING: QueueSettings = {};

/** The queue settings in memory: read at startup and after each change, so that claims need no read from the store. */
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
    store.watch({ onTransitions: () => undefined, onLimitsRelaxed: changed, onGap: changed });
  }

  async onModuleInit(): Promise<void> {
    await this.known();
  }

  of(queue: string): QueueSettings {
    return this.settings.get(queue) ?? NOTHING;
  }

  /** The queues with such settings. */
  queuesWith(isSelected: (settings: QueueSettings) => boolean): readonly string[] {
    return [...this.settings].flatMap(([queue, settings]) => (isSelected(settings) ? [queue] : []));
  }

  /**
   * Resolves when all earlier changes are known; `undefined` if they are already. During an outage it keeps the last
   * known settings, and the next caller reads again.
   */
  known(): Promise<void> | undefined {
    if (this.isStale) {
      this.reading ??= this.read();
    }
    return this.reading;
  }

  /** Applies a change that was just made. */
  async refresh(): Promise<void> {
    this.isStale = true;
    await this.known();
  }

  /** Reads one at a time, so that an older result never replaces a newer one. */
  private async read(): Promise<void> {
    while (this.isStale) {
      this.isStale = false;
      try {
        const configured = await this.store.settings.all();
        this.settings = new Map(configured.map(({ queue, settings }) => [queue, settings]));
      } catch {
        this.isStale = true;
        break;
      }
    }
    // In the same turn, so that later callers with stale settings start a new read.
    this.reading = undefined;
  }
}
