import type { Clock } from '../../task/clock.js';
import { changeSettings, type QueueSettings, type QueueSettingsChange } from '../../task/queue-settings.js';
import { type ConfiguredQueue, QueueSettingsStore } from '../queue-settings-store.js';
import type { Commits } from './commits.js';
import type { QueueFiles } from './queue-files.js';
import type { TaskIndex } from './task-index.js';

interface SettingsParts {
  readonly files: QueueFiles;
  readonly index: TaskIndex;
  readonly commits: Commits;
  readonly clock: Clock;
}

/** Queue settings, in the file and in the indices that claims read. */
export class EmbeddedSettings extends QueueSettingsStore {
  private underWay: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: SettingsParts) {
    super();
    const { files, index, clock } = parts;
    const { steady } = clock.now();
    for (const [queue, settings] of files.allSettings())
      index.flowOf(queue).configure(settings, steady, true);
  }

  async of(queue: string): Promise<QueueSettings> {
    await this.settled();
    return this.read(queue);
  }

  async all(): Promise<readonly ConfiguredQueue[]> {
    await this.settled();
    return Array.from(this.parts.files.allSettings(), ([queue, settings]) => ({ queue, settings }));
  }

  /** Applies one change at a time, each to the result of the one before. */
  change(queue: string, change: QueueSettingsChange): Promise<QueueSettings> {
    const changed = this.allEnded().then(() => this.write(queue, change));
    this.underWay = changed;
    return changed;
  }

  async untilAllowed(queue: string): Promise<number> {
    const { index, commits, clock } = this.parts;
    await commits.opened();
    return index.knownFlow(queue)?.untilAllowed(clock.now().steady) ?? 0;
  }

  /** Resolves when no change is pending. */
  async allEnded(): Promise<void> {
    await this.underWay.catch(() => undefined);
  }

  private async write(queue: string, change: QueueSettingsChange): Promise<QueueSettings> {
    const { files, index, commits, clock } = this.parts;
    commits.requireOpen();
    const settings = changeSettings(this.read(queue), change);
    await commits.save(() => {
      files.putSettings(queue, settings);
    });
    index.flowOf(queue).configure(settings, clock.now().steady);
    index.forgetEmpty(queue);
    commits.reportRelaxedLimits(queue);
    return settings;
  }

  private async settled(): Promise<void> {
    await this.allEnded();
    this.parts.commits.requireOpen();
  }

  private read(queue: string): QueueSettings {
    return this.parts.files.settingsOf(queue);
  }
}
