import { type OutboxEntry, Outbox } from '../outbox.js';
import type { Commits } from './commits.js';
import type { QueueFiles } from './queue-files.js';
import { DamagedValue } from './sealed-value.js';

/** The outbox in the file of the tasks, keyed by event id. */
export class EmbeddedOutbox extends Outbox {
  constructor(
    private readonly files: QueueFiles,
    private readonly commits: Commits,
  ) {
    super();
  }

  async oldest(limit: number): Promise<readonly OutboxEntry[]> {
    this.commits.requireOpen();
    const entries: OutboxEntry[] = [];
    for (const { key, value } of this.files.outbox.getRange()) {
      if (entries.length === limit) break;
      if (value instanceof DamagedValue) this.files.quarantine.logDamage(`The notice of event ${key}`, value);
      else entries.push({ key: String(key), ...value });
    }
    return entries;
  }

  async remove(entries: readonly OutboxEntry[]): Promise<void> {
    this.commits.requireOpen();
    if (entries.length === 0) return;
    await this.commits.save(() => {
      for (const { key } of entries) this.files.removeOutboxEntry(Number(key));
    });
  }
}
