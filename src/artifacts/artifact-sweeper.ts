import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../config/config.js';
import { BackgroundLoop } from '../runtime/background-loop.js';
import { TaskStore } from '../storage/task-store.js';
import type { Instant } from '../task/clock.js';
import { TaskDamaged } from '../task/task.errors.js';
import { isFinished, type Task } from '../task/task.js';
import { bytesIn, identityOf, isSameTask } from './artifact.js';
import { ArtifactBook, type ReadList } from './artifact-book.js';
import { ArtifactSpace } from './artifact-space.js';
import { ArtifactStorage } from './artifact-storage.js';
import { type ByteKey, type ByteStore, ownerIn, type StoredBytes } from './byte-store.js';

/** Records per step. */
const RECORDS = 200;
/** Milliseconds between two steps of a sweep. */
const STEP_MS = 250;
/** Milliseconds between two sweeps of all records. */
const RECORDS_EVERY_MS = 60_000;
/** Milliseconds between two sweeps of all bytes. */
const BYTES_EVERY_MS = 3_600_000;
/** Milliseconds that bytes in a shared place must be without a record, and without change, to be orphans. */
const SUSPECT_MS = 600_000;
/** Suspects remembered; the sweep finds further ones later. */
const MOST_SUSPECTS = 100_000;

interface EndedTask {
  readonly id: string;
  readonly finishedAt: Instant;
  /** Of its artifacts. */
  readonly bytes: number;
}

interface Suspect {
  readonly stamp: string;
  /** On the steady scale. */
  readonly since: number;
}

/**
 * Removes the artifacts of removed tasks, and bytes without a record. A record goes before its bytes, so a listed
 * artifact always has its bytes. Works in small steps with pauses.
 */
@Injectable()
export class ArtifactSweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(ArtifactSweeper.name);
  private readonly records: BackgroundLoop;
  private readonly orphans: BackgroundLoop;
  private readonly suspects = new Map<string, Suspect>();
  private listing: AsyncIterator<readonly StoredBytes[]> | undefined;
  private cursor: number | undefined;
  private counted = 0;
  /** Ended tasks that were counted. */
  private ended: EndedTask[] = [];

  constructor(
    private readonly store: TaskStore,
    private readonly book: ArtifactBook,
    private readonly space: ArtifactSpace,
    private readonly place: ArtifactStorage,
    private readonly config: Config,
  ) {
    const { logger } = this;
    this.records = new BackgroundLoop({
      clock: store.clock,
      pass: () => this.sweepRecords(),
      longestMs: RECORDS_EVERY_MS,
      failure: 'A sweep of the records of artifacts failed',
      logger,
    });
    this.orphans = new BackgroundLoop({
      clock: store.clock,
      pass: () => this.sweepBytes(),
      longestMs: BYTES_EVERY_MS,
      failure: 'A sweep of the bytes of artifacts failed',
      logger,
    });
  }

  onApplicationBootstrap(): void {
    if (this.place.isOff) return;
    this.records.start();
    this.orphans.start();
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.records.stop(), this.orphans.stop()]);
    await this.endListing();
  }

  /** Sweeps some records. Returns the milliseconds until the next step. */
  async sweepRecords(): Promise<number> {
    if (this.cursor === undefined) {
      this.space.beginCount();
      this.counted = 0;
      this.ended = [];
    }
    const { lists, next } = await this.book.page(RECORDS, this.cursor);
    let removed = 0;
    for (const read of lists) {
      const task = await this.taskOf(read);
      if (task === undefined) removed += (await this.remove(read)) ? 1 : 0;
      else this.count(task, bytesIn(read.list));
    }
    this.cursor = next;
    if (next === undefined) {
      this.space.endCount(this.counted);
      await this.keepWithinRetention();
    }
    // Further records of removed tasks are likely near.
    if (next !== undefined) return removed > 0 ? 0 : STEP_MS;
    return RECORDS_EVERY_MS;
  }

  /** Sweeps some bytes. Returns the milliseconds until the next step. */
  async sweepBytes(): Promise<number> {
    const bytes = await this.place.openUsed();
    if (bytes === undefined) return BYTES_EVERY_MS;
    this.listing ??= bytes.list()[Symbol.asyncIterator]();
    const step = await this.listing.next().catch(async (error: unknown) => {
      await this.endListing();
      throw error;
    });
    if (step.done === true) {
      this.listing = undefined;
      return BYTES_EVERY_MS;
    }
    for (const found of step.value) await this.judge(bytes, found);
    return STEP_MS;
  }

  /** The task of a list; `undefined` when it was removed. */
  private async taskOf({ list }: ReadList): Promise<Task | 'damaged' | undefined> {
    try {
      const task = await this.store.find(list.task.id);
      return task !== undefined && isSameTask(list.task, identityOf(task)) ? task : undefined;
    } catch (error) {
      // A backup may repair the task.
      if (error instanceof TaskDamaged) return 'damaged';
      throw error;
    }
  }

  private count(task: Task | 'damaged', bytes: number): void {
    this.counted += bytes;
    if (task === 'damaged' || !isFinished(task)) return;
    this.ended.push({ id: task.spec.id, finishedAt: task.finishedAt, bytes });
  }

  /** Removes the ended tasks that ended first until the artifacts of the others fit into `RETENTION_MAX_BYTES`. */
  private async keepWithinRetention(): Promise<void> {
    const oldestFirst = this.ended.sort((one, other) => one.finishedAt - other.finishedAt);
    this.ended = [];
    let excess = oldestFirst.reduce((sum, { bytes }) => sum + bytes, -this.config.RETENTION_MAX_BYTES);
    for (const { id, finishedAt, bytes } of oldestFirst) {
      if (excess <= 0) break;
      excess -= bytes;
      const task = await this.store.find(id);
      if (task === undefined || !isFinished(task) || task.finishedAt !== finishedAt) continue;
      await this.store.remove([task]);
    }
  }

  /** False when another write came first. */
  private async remove(read: ReadList): Promise<boolean> {
    const bytes = await this.place.open();
    if (!(await this.book.remove(read))) return false;
    for (const { key } of read.list.artifacts) await bytes.remove(key);
    return true;
  }

  private async judge(bytes: ByteStore, found: StoredBytes): Promise<void> {
    // This order matters: bytes listed before, and no longer in flight afterwards, have a record or will never have one.
    if (this.space.isInFlight(found.key) || (!found.isPart && (await this.hasRecord(found.key)))) {
      this.suspects.delete(found.key);
      return;
    }
    if (!this.isOrphan(bytes, found)) return;
    this.suspects.delete(found.key);
    if (found.isPart) await bytes.removePart(found);
    else await bytes.remove(found.key);
  }

  private async hasRecord(key: ByteKey): Promise<boolean> {
    const list = await this.book.ownedBy(ownerIn(key) ?? '');
    return list?.artifacts.some((artifact) => artifact.key === key) === true;
  }

  /** In a shared place, another process may be about to write the record. */
  private isOrphan({ isShared }: ByteStore, { key, stamp, patienceMs = SUSPECT_MS }: StoredBytes): boolean {
    if (!isShared) return true;
    const now = this.store.clock.now().steady;
    const suspect = this.suspects.get(key);
    if (suspect?.stamp === stamp) return now - suspect.since >= patienceMs;
    if (suspect !== undefined || this.suspects.size < MOST_SUSPECTS)
      this.suspects.set(key, { stamp, since: now });
    return false;
  }

  private async endListing(): Promise<void> {
    const { listing } = this;
    this.listing = undefined;
    await listing?.return?.().catch(() => undefined);
  }
}
