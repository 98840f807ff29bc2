import { Injectable, type OnModuleInit } from '@nestjs/common';
import { TaskStore } from '../storage/task-store.js';
import type { QueueSettings } from '../task/queue-settings.js';

const NOTHING: QueueSettings = {};

/**
 * What is set for queues, as this process knows it: read at start, and again for a queue whose settings may have changed.
 * So an enqueue asks nobody as long as nothing is set for its queue.
 */
@Injectable()
export class SettingsCache implements OnModuleInit {
  private readonly settings = new Map<string, QueueSettings>();

  constructor(private readonly store: TaskStore) {
    store.watch({
      moved: () => undefined,
      loosened: (queue) => {
        const refresh = queue === undefined ? this.refreshAll() : this.refresh(queue);
        void refresh.catch(() => undefined);
      },
      disturbed: () => {
        if (store.isAvailable) void this.refreshAll().catch(() => undefined);
      },
    });
  }

  async onModuleInit(): Promise<void> {
    // A store that is away will be back, and tells then.
    await this.refreshAll().catch(() => undefined);
  }

  of(queue: string): QueueSettings {
    return this.settings.get(queue) ?? NOTHING;
  }

  /** Takes over what was just set. */
  note(queue: string, settings: QueueSettings): void {
    this.settings.set(queue, settings);
  }

  private async refresh(queue: string): Promise<void> {
    this.note(queue, await this.store.settingsOf(queue));
  }

  private async refreshAll(): Promise<void> {
    const configured = await this.store.configured();
    this.settings.clear();
    for (const { queue, settings } of configured) this.note(queue, settings);
  }
}
