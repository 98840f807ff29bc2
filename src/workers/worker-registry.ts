import { randomUUID } from 'node:crypto';
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../config/config.js';
import { WorkerActivity } from '../queue/worker-activity.js';
import { allDocuments, DocumentStore, type StoredDocument } from '../storage/document-store.js';
import { BackgroundLoop } from '../runtime/background-loop.js';
import { TaskStore } from '../storage/task-store.js';
import { type Instant, isAhead } from '../task/clock.js';
import type { Labels } from '../task/requirements.js';
import { DrainList } from './drain-list.js';
import { WorkerLedger } from './worker-ledger.js';
import { type SheetPart, SheetParts } from './sheet-parts.js';
import type { WorkerRecord } from './worker-record.js';
import { type Sheet, SIGN_OF_LIFE_MS, workersOn } from './worker-sheet.js';

const KIND = 'workers';
const FLUSH_MS = 1_000;
const SILENT_MS = 60_000;

/**
 * Tracks workers across all processes. Each process records activity in memory and stores the changes once a second, so
 * claims and heartbeats wait for nothing. When a process dies, another takes over its records.
 */
@Injectable()
export class WorkerRegistry extends WorkerActivity implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(WorkerRegistry.name);
  private readonly processId = randomUUID();
  private readonly ledger = new WorkerLedger();
  private readonly parts = new SheetParts(this.processId);
  private lookedAt: Instant = -Infinity;
  private readonly loop: BackgroundLoop;

  constructor(
    private readonly store: TaskStore,
    private readonly documents: DocumentStore,
    private readonly drains: DrainList,
    private readonly config: Config,
  ) {
    super();
    this.loop = new BackgroundLoop({
      clock: store.clock,
      pass: () => this.write(),
      longestMs: FLUSH_MS,
      failure: 'Recording workers failed',
      logger: this.logger,
    });
    store.onCommit((transitions) => {
      this.ledger.count(transitions);
    });
  }

  onApplicationBootstrap(): void {
    this.loop.start(FLUSH_MS);
  }

  async onModuleDestroy(): Promise<void> {
    await this.loop.stop();
    await this.flush().catch(() => undefined);
  }

  markSeen(workerId: string, queues?: readonly string[], labels?: Labels): void {
    this.ledger.markSeen(workerId, this.store.clock.now().wall, queues && { queues, labels });
  }

  override parked(workerId: string): () => void {
    return this.ledger.parked(workerId, this.store.clock.now().wall);
  }

  /** Records a sign-off. Resolves when every process can see it. */
  async left(workerId: string, at: Instant): Promise<void> {
    this.ledger.left(workerId, at);
    await this.flush();
  }

  isDraining(workerId: string | undefined): boolean {
    return workerId !== undefined && this.drains.has(workerId);
  }

  override countQuarantined(): number {
    return this.drains.countQuarantined();
  }

  onDrain(workerId: string, callback: () => void): () => void {
    return this.drains.onDrain(workerId, callback);
  }

  /** All workers that any process has seen recently. */
  async list(): Promise<ReadonlyMap<string, WorkerRecord>> {
    await this.flush();
    return this.recentWorkers((await this.sheets()).map(({ sheet }) => sheet));
  }

  /** Stores the activity, drops inactive workers, and reads the list of draining workers. */
  async flush(): Promise<void> {
    await this.loop.run();
  }

  private async write(): Promise<undefined> {
    await this.drains.refresh();
    const now = this.store.clock.now().wall;
    this.ledger.forget(this.silentSince(), now);
    if (this.isLate(this.lookedAt, now) && this.ledger.size > 0) {
      await this.takeOver(now);
      this.lookedAt = now;
    }
    for (const id of this.ledger.takeChanged()) {
      if (this.ledger.has(id)) this.parts.change(id);
      else this.parts.forget(id);
    }
    const due = this.parts.all.filter(
      ({ isChanged, members, writtenAt }) => isChanged || (members.size > 0 && this.isLate(writtenAt, now)),
    );
    const writes = await Promise.allSettled(due.map((part) => this.writePart(part, now)));
    const failure = writes.find((write) => write.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }

  /** Whether the time is so old, or so far in the future, that a running process would have renewed it. */
  private isLate(at: Instant, now: Instant): boolean {
    return now - at >= SIGN_OF_LIFE_MS || isAhead(at, now);
  }

  private async writePart(part: SheetPart, at: Instant): Promise<void> {
    part.isChanged = false;
    try {
      if (part.members.size === 0) await this.removePart(part);
      else await this.putPart(part, at);
    } catch (error) {
      part.isChanged = true;
      throw error;
    }
    part.writtenAt = at;
  }

  private async putPart(part: SheetPart, at: Instant): Promise<void> {
    const { id, members, revision: expected } = part;
    const sheet: Sheet = {
      at,
      workers: this.ledger.contents(members),
      parked: this.ledger.parkedPolls(members),
    };
    const revision = await this.documents.put(KIND, { id, text: JSON.stringify(sheet), expected });
    if (revision !== undefined) part.revision = revision;
    else await this.findPart(part);
  }

  private async removePart(part: SheetPart): Promise<void> {
    if (part.revision > 0 && !(await this.documents.remove(KIND, part.id, part.revision))) {
      await this.findPart(part);
      return;
    }
    part.revision = 0;
  }

  /** The stored part differs from this process's version: a reply was lost, or another process took the part over. */
  private async findPart(part: SheetPart): Promise<void> {
    const own = await this.documents.get(KIND, part.id);
    part.revision = own?.revision ?? 0;
    // Another process took its records over; keeping them here would count them twice.
    if (own === undefined) {
      this.ledger.drop(part.members);
      for (const id of part.members) if (!this.ledger.has(id)) this.parts.forget(id);
    }
    part.isChanged = true;
  }

  /** Takes over the records of dead processes, and removes drains of gone workers. */
  private async takeOver(now: Instant): Promise<void> {
    const sheets = await this.sheets();
    for (const { document, sheet } of sheets) {
      // A running process updates its sheet by the current clock, so a sheet in the future belongs to a dead process.
      const isStale = now - sheet.at > SILENT_MS || isAhead(sheet.at, now + SILENT_MS);
      const isGone = !this.parts.has(document.id) && isStale;
      if (isGone && (await this.documents.remove(KIND, document.id, document.revision))) {
        this.ledger.adopt(workersOn([sheet], now));
      }
    }
    const workers = this.recentWorkers(sheets.map(({ sheet }) => sheet));
    const silentSince = this.silentSince();
    for (const [id, { since, reason }] of [...this.drains.entries()]) {
      // A quarantine lasts until the worker is resumed.
      if (reason !== undefined) continue;
      const isOld = since < silentSince || isAhead(since, now);
      // A worker that holds tasks stays on the list, and its drain stays in effect.
      if (isOld && !workers.has(id) && !(await this.holdsTasks(id))) await this.drains.remove(id);
    }
  }

  private async holdsTasks(workerId: string): Promise<boolean> {
    let cursor: string | undefined;
    do {
      const page = await this.store.views.list({ states: ['processing'], workerId, limit: 1, cursor });
      if (page.tasks.length > 0) return true;
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    return false;
  }

  private recentWorkers(sheets: readonly Sheet[]): ReadonlyMap<string, WorkerRecord> {
    const workers = workersOn(sheets, this.store.clock.now().wall);
    const silentSince = this.silentSince();
    for (const [id, { lastSeen }] of workers) if (lastSeen < silentSince) workers.delete(id);
    return workers;
  }

  private async sheets(): Promise<readonly { readonly document: StoredDocument; readonly sheet: Sheet }[]> {
    const documents = await allDocuments(this.documents, KIND);
    return documents.map((document) => ({ document, sheet: JSON.parse(document.text) as Sheet }));
  }

  private silentSince(): Instant {
    return this.store.clock.now().wall - this.config.WORKER_FORGET_SECONDS * 1000;
  }
}
