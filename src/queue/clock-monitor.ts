import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { BackgroundLoop } from '../runtime/background-loop.js';
import type { StoredDocument } from '../storage/document-store.js';
import { TaskStore } from '../storage/task-store.js';
import { type Instant, isAhead } from '../task/clock.js';
import { withPlausibleWait } from '../task/task.machine.js';
import { WAITING_STATES } from '../task/task-state.js';

const LOOK_MS = 1_000;
/** Milliseconds between two stored readings. A forward jump is stored as well. */
const NOTE_MS = 60_000;
const PAGE = 500;
const ID = 'latest';

/**
 * Detects that the store's clock was set back, also during downtime. Ends the waits that were computed while it was
 * ahead (`withBelievableWait`). The drivers handle leases themselves.
 */
@Injectable()
export class ClockMonitor implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly loop: BackgroundLoop;
  private noted: StoredDocument | undefined;
  /** The latest time that any process has seen; `undefined` before the first check. */
  private latest: Instant | undefined;

  constructor(private readonly store: TaskStore) {
    this.loop = new BackgroundLoop({
      clock: store.clock,
      pass: () => this.look(),
      longestMs: LOOK_MS,
      failure: 'Checking the clock failed',
      logger: new Logger(ClockMonitor.name),
    });
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.loop.stop();
  }

  /** Compares the clock with the latest time it has shown. */
  async look(): Promise<undefined> {
    this.latest ??= await this.read();
    const now = this.store.clock.now().wall;
    if (isAhead(this.latest, now)) {
      await this.endWaits();
      if (this.loop.isStopped) return;
      // Stored last: after a crash the next start repeats the work.
      await this.note(now);
      this.latest = now;
      return;
    }
    this.latest = Math.max(this.latest, now);
    if (now - timeIn(this.noted) >= NOTE_MS) await this.note(now);
  }

  /** A store of an earlier version has no reading, so its waits are checked at once. */
  private async read(): Promise<Instant> {
    this.noted = await this.store.documents.get('clock', ID);
    return this.noted === undefined ? Infinity : timeIn(this.noted);
  }

  /** Another process may write first, with the same content. */
  private async note(now: Instant): Promise<void> {
    const text = JSON.stringify({ at: now });
    const revision = await this.store.documents.put('clock', {
      id: ID,
      text,
      expected: this.noted?.revision ?? 0,
    });
    this.noted =
      revision === undefined ? await this.store.documents.get('clock', ID) : { id: ID, text, revision };
  }

  private async endWaits(): Promise<void> {
    let cursor: string | undefined;
    do {
      const page = await this.store.views.list({ states: WAITING_STATES, limit: PAGE, cursor });
      const now = this.store.clock.now();
      const changes = page.tasks.flatMap((waiting) => {
        const task = withPlausibleWait(waiting, now);
        return task === undefined ? [] : [{ task }];
      });
      if (changes.length > 0) await this.store.replace(changes, { inSteps: true });
      cursor = page.nextCursor;
    } while (cursor !== undefined && !this.loop.isStopped);
  }
}

function timeIn(document: StoredDocument | undefined): Instant {
  return document === undefined ? -Infinity : (JSON.parse(document.text) as { at: Instant }).at;
}
