import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { allDocuments, DocumentStore } from '../storage/document-store.js';
import { TaskStore } from '../storage/task-store.js';
import type { CommittedTransition } from '../storage/transitions.js';
import type { Instant } from '../task/clock.js';
import { type Endings, type Interruption, secondOf } from '../task/outage-guard.js';
import type { AttemptEnd } from '../task/worker-quarantine.js';

const KIND = 'endings';
/** The longest window of a guard: older endings are dropped. */
export const LONGEST_WINDOW_MS = 600_000;
/** The most interruptions kept per queue, the latest. */
const MOST_INTERRUPTIONS = 1_000;
/** The most workers with kept attempts, and the most attempts of each. */
const MOST_WORKERS = 10_000;
const MOST_ATTEMPTS = 20;
/** Milliseconds after which a silent process counts as ended, and its notes are removed. */
const SILENT_MS = 2 * LONGEST_WINDOW_MS;

/** How attempts of one queue ended, by the commits of one process. */
interface QueueNotes {
  readonly interruptions: Interruption[];
  readonly ordinary: Map<Instant, number>;
}

/** The notes of one process as JSON. */
interface Sheet {
  readonly at: Instant;
  readonly queues: Readonly<Record<string, SheetQueue>>;
  readonly workers: Readonly<Record<string, readonly AttemptEnd[]>>;
}

interface SheetQueue {
  readonly interruptions: readonly Interruption[];
  readonly ordinary: readonly (readonly [second: Instant, count: number])[];
}

/**
 * How recent attempts ended, by the commits of all processes. Each process keeps notes of its own commits in memory. It
 * shares those about queues and workers with interruptions in its own document. Without interruptions it writes nothing.
 */
@Injectable()
export class EndingsBoard {
  private readonly processId = randomUUID();
  private readonly queues = new Map<string, QueueNotes>();
  private readonly workers = new Map<string, AttemptEnd[]>();
  /** The notes of the other processes. */
  private others: readonly Sheet[] = [];
  private version: number | undefined;
  private written = '';
  private revision = 0;

  constructor(
    private readonly store: TaskStore,
    private readonly documents: DocumentStore,
  ) {
    store.onCommit((transitions) => {
      for (const transition of transitions) this.note(transition);
    });
  }

  /** Queues with an interruption in the longest window. */
  suspectQueues(): readonly string[] {
    const own = [...this.queues].filter(([, { interruptions }]) => interruptions.length > 0);
    return [
      ...new Set([
        ...own.map(([queue]) => queue),
        ...this.others.flatMap(({ queues }) => Object.keys(queues)),
      ]),
    ];
  }

  /** Workers whose latest attempts any process has shared. */
  suspectWorkers(): readonly string[] {
    const own = [...this.workers].filter(([, ends]) => ends.some(({ isLost }) => isLost));
    return [
      ...new Set([...own.map(([id]) => id), ...this.others.flatMap(({ workers }) => Object.keys(workers))]),
    ];
  }

  /** @param pending interruptions that are about to be committed */
  endingsOf(queue: string, pending: readonly Interruption[] = []): Endings {
    const sheets = this.others.flatMap(({ queues }) => queues[queue] ?? []);
    const own = this.queues.get(queue);
    const ordinary = new Map(own?.ordinary);
    for (const [second, count] of sheets.flatMap((sheet) => sheet.ordinary))
      ordinary.set(second, (ordinary.get(second) ?? 0) + count);
    const noted = [...(own?.interruptions ?? []), ...sheets.flatMap((sheet) => sheet.interruptions)];
    return { interruptions: [...noted, ...pending], ordinary };
  }

  /** The latest attempts of a worker, oldest first. */
  attemptsOf(workerId: string): readonly AttemptEnd[] {
    const shared = this.others.flatMap(({ workers }) => workers[workerId] ?? []);
    return [...(this.workers.get(workerId) ?? []), ...shared].toSorted((one, other) => one.at - other.at);
  }

  /** Whether an attempt has ended ordinarily since then, in a queue that had an interruption. */
  hasOrdinarySince(since: Instant): boolean {
    return this.suspectQueues().some((queue) =>
      [...this.endingsOf(queue).ordinary.keys()].some((second) => second >= secondOf(since)),
    );
  }

  /** Discards this process's notes about a worker. */
  forgetWorker(workerId: string): void {
    this.workers.delete(workerId);
  }

  /** Writes this process's notes if they changed, and reads those of the others. */
  async share(): Promise<void> {
    this.dropOld();
    await this.write();
    const version = await this.documents.version(KIND);
    if (version === this.version) return;
    const now = this.now;
    const documents = await allDocuments(this.documents, KIND);
    const sheets = documents.map(({ id, revision, text }) => ({
      id,
      revision,
      sheet: JSON.parse(text) as Sheet,
    }));
    this.revision = sheets.find(({ id }) => id === this.processId)?.revision ?? 0;
    const foreign = sheets.filter(({ id }) => id !== this.processId);
    for (const { id, revision, sheet } of foreign)
      if (now - sheet.at > SILENT_MS) await this.documents.remove(KIND, id, revision);
    this.others = foreign.map(({ sheet }) => sheet).filter(({ at }) => now - at <= SILENT_MS);
    this.version = version;
  }

  private get now(): Instant {
    return this.store.clock.now().wall;
  }

  private note({ task, ended }: CommittedTransition): void {
    if (ended === undefined) return;
    const { outcome, endedAt: at, workerId } = ended;
    const isLost = outcome === 'lost';
    if (!isLost && outcome !== 'completed' && outcome !== 'failed') return;
    const { id: taskId, queue } = task.spec;
    const notes = this.queues.get(queue) ?? { interruptions: [], ordinary: new Map<Instant, number>() };
    this.queues.set(queue, notes);
    if (isLost) {
      notes.interruptions.push({ at, taskId, workerId });
      if (notes.interruptions.length > MOST_INTERRUPTIONS) notes.interruptions.shift();
    } else {
      const second = secondOf(at);
      notes.ordinary.set(second, (notes.ordinary.get(second) ?? 0) + 1);
    }
    if (workerId !== undefined) this.noteWorker(workerId, { at, taskId, isLost });
  }

  private noteWorker(workerId: string, end: AttemptEnd): void {
    const ends = this.workers.get(workerId) ?? [];
    // The most recent worker is last.
    this.workers.delete(workerId);
    this.workers.set(workerId, ends);
    ends.push(end);
    if (ends.length > MOST_ATTEMPTS) ends.shift();
    const [oldest] = this.workers.keys();
    if (this.workers.size > MOST_WORKERS && oldest !== undefined) this.workers.delete(oldest);
  }

  private dropOld(): void {
    const from = this.now - LONGEST_WINDOW_MS;
    for (const [queue, { interruptions, ordinary }] of this.queues) {
      while ((interruptions[0]?.at ?? Infinity) < from) interruptions.shift();
      for (const second of ordinary.keys()) if (second < from) ordinary.delete(second);
      if (interruptions.length === 0 && ordinary.size === 0) this.queues.delete(queue);
    }
  }

  private async write(): Promise<void> {
    const queues = Object.fromEntries(this.suspectQueues().flatMap((queue) => this.sheetOf(queue)));
    const workers = Object.fromEntries(
      this.suspectWorkers().flatMap((id) => {
        const ends = this.workers.get(id);
        return ends === undefined ? [] : [[id, ends] as const];
      }),
    );
    const isEmpty = Object.keys(queues).length + Object.keys(workers).length === 0;
    const content = isEmpty ? '' : JSON.stringify({ queues, workers });
    if (content === this.written) return;
    if (isEmpty) await this.documents.remove(KIND, this.processId, this.revision);
    else {
      const sheet: Sheet = { at: this.now, queues, workers };
      const document = { id: this.processId, text: JSON.stringify(sheet), expected: this.revision };
      const revision = await this.documents.put(KIND, document);
      // A lost reply: the next pass reads the revision and writes again.
      if (revision === undefined) {
        this.version = undefined;
        return;
      }
      this.revision = revision;
    }
    if (isEmpty) this.revision = 0;
    this.written = content;
  }

  private sheetOf(queue: string): [string, SheetQueue][] {
    const notes = this.queues.get(queue);
    if (notes === undefined) return [];
    return [[queue, { interruptions: notes.interruptions, ordinary: [...notes.ordinary] }]];
  }
}
