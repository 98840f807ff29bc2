import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { BackgroundLoop } from '../runtime/background-loop.js';
import { allDocuments, DocumentStore, type StoredDocument } from '../storage/document-store.js';
import { TaskStore } from '../storage/task-store.js';
import type { CommittedTransition } from '../storage/transitions.js';
import { type Instant, isAhead, type Seconds } from '../task/clock.js';
import { Slot, type SlotText, type TimelinePoint } from './timeline-slot.js';

const KIND = 'history';
const FLUSH_MS = 60_000;
/** Queues with numbers of their own in one document; further ones share one entry. */
const MAX_QUEUES = 100;
/** No queue has this name. */
const OTHERS = '';
/** Writes of other processes that one update survives. */
const TRIES = 20;

interface Level {
  /** Begins the names of its documents. */
  readonly name: string;
  readonly stepMs: number;
  readonly keptMs: number;
}

const MINUTES: Level = { name: 'm', stepMs: 60_000, keptMs: 75 * 60_000 };
const TENTHS: Level = { name: 't', stepMs: 600_000, keptMs: 25 * 3_600_000 };
const LEVELS = [MINUTES, TENTHS] as const;

type Slots = Map<string, Slot>;

interface Parsed {
  readonly revision: number;
  readonly slots: ReadonlyMap<string, Slot>;
}

export interface HistoryQuery {
  /** A multiple of a minute; from 10 minutes on, a multiple of them. */
  readonly step: Seconds;
  readonly length: Seconds;
  /** One queue; all of them by default. */
  readonly queue?: string;
}

/**
 * The last day of all processes, per queue: the last hour in minutes, the day in steps of ten minutes. It is kept in
 * documents, at most 75 of minutes and 150 of ten minutes. Each process adds its numbers once a minute; a crash loses at
 * most those. Numbers can count twice when a write's outcome is unknown: they are for charts.
 */
@Injectable()
export class History implements OnApplicationBootstrap, OnModuleDestroy {
  /** Numbers that are not stored yet, by level and start. */
  private readonly pending = new Map<Level, Map<Instant, Slots>>(LEVELS.map((level) => [level, new Map()]));
  private parsed = new Map<string, Parsed>();
  private version: number | undefined;
  private prunedAt: Instant | undefined;
  private readonly loop: BackgroundLoop;

  constructor(
    private readonly store: TaskStore,
    private readonly documents: DocumentStore,
  ) {
    this.loop = new BackgroundLoop({
      clock: store.clock,
      pass: () => this.write(),
      longestMs: FLUSH_MS,
      failure: 'Recording the history failed',
      logger: new Logger(History.name),
    });
  }

  onApplicationBootstrap(): void {
    this.loop.start(FLUSH_MS);
  }

  async onModuleDestroy(): Promise<void> {
    await this.loop.stop();
    await this.flush().catch(() => undefined);
  }

  record(transitions: readonly CommittedTransition[]): void {
    for (const transition of transitions) {
      const slots = this.pendingAt(MINUTES, transition.at);
      slotIn(slots, transition.task.spec.queue).record(transition);
    }
  }

  /** Stores what is pending. */
  async flush(): Promise<void> {
    await this.loop.run();
  }

  /** The steps that ended within `length`, oldest first, followed by the current one. */
  async read({ step, length, queue }: HistoryQuery): Promise<readonly TimelinePoint[]> {
    const level = step * 1000 >= TENTHS.stepMs ? TENTHS : MINUTES;
    const stored = await this.stored();
    const stepMs = step * 1000;
    const last = Math.floor(this.now / stepMs) * stepMs;
    const count = Math.floor(length / step);
    return Array.from({ length: count }, (_, index) => {
      const sum = new Slot(last - (count - 1 - index) * stepMs);
      for (let at = sum.at; at < sum.at + stepMs; at += level.stepMs) {
        addTo(sum, stored.get(idOf(level, at))?.slots, queue);
        addTo(sum, this.pending.get(level)?.get(at), queue);
      }
      // Minutes that are not stored yet are not in the coarser level either.
      if (level === TENTHS) this.addPendingMinutes(sum, stepMs, queue);
      return sum.point;
    });
  }

  private addPendingMinutes(sum: Slot, stepMs: number, queue: string | undefined): void {
    for (const [at, slots] of this.pending.get(MINUTES) ?? [])
      if (at >= sum.at && at < sum.at + stepMs) addTo(sum, slots, queue);
  }

  private async write(): Promise<undefined> {
    for (const [at, slots] of this.pending.get(MINUTES) ?? []) {
      await this.put(MINUTES, at, slots);
      this.pending.get(MINUTES)?.delete(at);
      const coarse = this.pendingAt(TENTHS, at);
      for (const [queue, slot] of slots) slotIn(coarse, queue).add(slot);
    }
    for (const [at, slots] of this.pending.get(TENTHS) ?? []) {
      await this.put(TENTHS, at, slots);
      this.pending.get(TENTHS)?.delete(at);
    }
    const { now } = this;
    if (this.prunedAt !== undefined && Math.abs(now - this.prunedAt) < TENTHS.stepMs) return;
    await this.prune(now);
    this.prunedAt = now;
  }

  /** Adds numbers to a document that other processes add to as well. */
  private async put(level: Level, at: Instant, slots: Slots): Promise<void> {
    if (isExpired(level, at, this.now)) return;
    const id = idOf(level, at);
    for (let left = TRIES; left > 0; left -= 1) {
      const found = await this.documents.get(KIND, id);
      const sum: Slots = new Map(found ? slotsOf(found, at) : []);
      for (const [queue, slot] of slots) slotIn(sum, queue).add(slot);
      const text = JSON.stringify(Object.fromEntries([...sum].map(([queue, slot]) => [queue, slot.text])));
      if ((await this.documents.put(KIND, { id, text, expected: found?.revision ?? 0 })) !== undefined)
        return;
    }
  }

  /** Removes what is too old, and what a clock that ran ahead has written. */
  private async prune(now: Instant): Promise<void> {
    for (const { id, revision } of await allDocuments(this.documents, KIND)) {
      const [level, at] = placeOf(id);
      if (level === undefined || isExpired(level, at, now) || isAhead(at, now))
        await this.documents.remove(KIND, id, revision);
    }
  }

  /** The parsed documents; read again after a change by any process. */
  private async stored(): Promise<ReadonlyMap<string, Parsed>> {
    const version = await this.documents.version(KIND);
    if (version === this.version) return this.parsed;
    const parsed = new Map<string, Parsed>();
    for (const document of await allDocuments(this.documents, KIND)) {
      const known = this.parsed.get(document.id);
      const isSame = known?.revision === document.revision;
      const { id, revision } = document;
      parsed.set(id, isSame ? known : { revision, slots: slotsOf(document, placeOf(id)[1]) });
    }
    this.parsed = parsed;
    this.version = version;
    return parsed;
  }

  private pendingAt(level: Level, at: Instant): Slots {
    const start = Math.floor(at / level.stepMs) * level.stepMs;
    const steps = this.pending.get(level) ?? new Map<Instant, Slots>();
    let slots = steps.get(start);
    if (slots === undefined) {
      slots = new Map();
      steps.set(start, slots);
      // During an outage only what can still be stored is kept.
      for (const old of steps.keys()) if (isExpired(level, old, start)) steps.delete(old);
    }
    return slots;
  }

  private get now(): Instant {
    return this.store.clock.now().wall;
  }
}

function slotIn(slots: Slots, queue: string): Slot {
  const name = slots.has(queue) || slots.size < MAX_QUEUES ? queue : OTHERS;
  const known = slots.get(name);
  if (known !== undefined) return known;
  const slot = new Slot(0);
  slots.set(name, slot);
  return slot;
}

function addTo(sum: Slot, slots: ReadonlyMap<string, Slot> | undefined, queue: string | undefined): void {
  if (slots === undefined) return;
  if (queue === undefined) for (const slot of slots.values()) sum.add(slot);
  else {
    const slot = slots.get(queue);
    if (slot !== undefined) sum.add(slot);
  }
}

function idOf({ name }: Level, at: Instant): string {
  return `${name}:${at}`;
}

function placeOf(id: string): readonly [level: Level | undefined, at: Instant] {
  const [name, at] = id.split(':');
  return [LEVELS.find((level) => level.name === name), Number(at)];
}

function isExpired({ keptMs }: Level, at: Instant, now: Instant): boolean {
  return at < now - keptMs;
}

function slotsOf({ text }: StoredDocument, at: Instant): ReadonlyMap<string, Slot> {
  const entries = Object.entries(JSON.parse(text) as Record<string, SlotText>);
  return new Map(entries.map(([queue, slot]) => [queue, Slot.from(at, slot)]));
}
