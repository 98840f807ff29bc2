import { setTimeout as delay } from 'node:timers/promises';
import type { Commits } from './commits.js';
import type { QueueFiles } from './queue-files.js';

/** Blocks per commit: a few milliseconds of this thread. */
const BLOCKS_PER_SLICE = 256;
/** Rest after each slice, so that other writes get most of the disk. */
const REST_MS = 5;

/**
 * Removes the blocks of removed tasks from the file, in small commits with rests in between. A log has up to hundreds of
 * blocks, so a purge only notes its tasks. It can stop at any moment: the next start continues.
 */
export class LogSweeper {
  private running: Promise<void> | undefined;
  private isWoken = false;
  private isStopped = false;

  constructor(
    private readonly files: QueueFiles,
    private readonly commits: Commits,
  ) {}

  /** Looks for dropped logs once the pending writes are durable. */
  wake(): void {
    this.isWoken = true;
    if (!this.isGoing()) return;
    this.running ??= this.run()
      // A failed write has stopped the store and was logged.
      .catch(() => undefined)
      .finally(() => {
        this.running = undefined;
        if (this.isWoken) this.wake();
      });
  }

  /** Resolves when the file holds no block of a removed task. */
  async idle(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.idle();
  }

  private isGoing(): boolean {
    return !this.isStopped && this.commits.isOpen;
  }

  private async run(): Promise<void> {
    while (this.isWoken && this.isGoing()) {
      this.isWoken = false;
      await this.files.settled();
      if (!this.isGoing() || !this.files.logs.hasDropped) continue;
      await this.commits.save(() => {
        if (this.files.logs.sweep(BLOCKS_PER_SLICE)) this.isWoken = true;
      });
      await delay(REST_MS);
    }
  }
}
