import { type Notice, Outbox } from '../outbox.js';
import type { Commits } from './commits.js';
import type { QueueFiles } from './queue-files.js';
import { DamagedValue } from './sealed-value.js';

/** Notices in the file of the tasks, keyed by event id. */
export class EmbeddedOutbox extends Outbox {
  constructor(
    private readonly files: QueueFiles,
    private readonly commits: Commits,
  ) {
    super();
  }

  async oldest(limit: number): Promise<readonly Notice[]> {
    this.commits.requireOpen();
    const notices: Notice[] = [];
    for (const { key, value } of this.files.notices.getRange()) {
      if (notices.length === limit) break;
      if (value instanceof DamagedValue) this.files.quarantine.tell(`The notice of event ${key}`, value);
      else notices.push({ key: String(key), ...value });
    }
    return notices;
  }

  async remove(notices: readonly Notice[]): Promise<void> {
    this.commits.requireOpen();
    if (notices.length === 0) return;
    await this.commits.save(() => {
      for (const { key } of notices) this.files.removeNotice(Number(key));
    });
  }
}
