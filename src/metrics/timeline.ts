import { Injectable } from '@nestjs/common';
import type { CommittedTransition } from '../storage/transitions.js';
import { Clock, type Instant, type Seconds } from '../task/clock.js';
import { DurationSketch } from './duration-sketch.js';
import { runOf, waitOf } from './task-metrics.js';
import { isFinished, finalOutcomeOf } from '../task/task.js';

/** Milliseconds of one slot, the smallest step. */
const SLOT_MS = 10_000;
/** The slots of one hour, and the current one. */
const SLOTS = 361;

export interface Percentiles {
  readonly p50: Seconds;
  readonly p95: Seconds;
  readonly p99: Seconds;
}

const COUNTED = [
  'enqueued',
  'started',
  'completed',
  'failed',
  'cancelled',
  'expired',
  'retried',
  'lost',
] as const;

type Counted = (typeof COUNTED)[number];

/** The counts of one step. */
export interface TimelinePoint extends Readonly<Record<Counted, number>> {
  /** The start of the step. */
  readonly at: Instant;
  /** Seconds from ready to claimed, of the claims in this step; `null` without claims. */
  readonly wait: Percentiles | null;
  /** Seconds from claimed to ended, of the attempts that ended in this step. */
  readonly run: Percentiles | null;
}

class Slot {
  readonly counts: Record<Counted, number> = {
    enqueued: 0,
    started: 0,
    completed: 0,
    failed: 0,
    cancelled: 0,
    expired: 0,
    retried: 0,
    lost: 0,
  };
  readonly wait = new DurationSketch();
  readonly run = new DurationSketch();

  constructor(readonly at: Instant) {}

  add(other: Slot): void {
    for (const name of COUNTED) this.counts[name] += other.counts[name];
    this.wait.add(other.wait);
    this.run.add(other.run);
  }
}

/** The last hour of this process in steps of ten seconds, in memory. */
@Injectable()
export class Timeline {
  private readonly slots: (Slot | undefined)[] = [];

  constructor(private readonly clock: Clock) {}

  record(transitions: readonly CommittedTransition[]): void {
    for (const transition of transitions) recordIn(this.slotAt(transition.at), transition);
  }

  /**
   * The steps that ended within the last `length`, oldest first, followed by the current one. Empty steps are included.
   *
   * @param step a multiple of ten seconds
   */
  read(step: Seconds = 60, length: Seconds = 3600): readonly TimelinePoint[] {
    const stepMs = step * 1000;
    const last = Math.floor(this.clock.now().wall / stepMs) * stepMs;
    const count = Math.floor(length / step);
    return Array.from({ length: count }, (_, index) =>
      this.pointAt(last - (count - 1 - index) * stepMs, stepMs),
    );
  }

  private pointAt(at: Instant, stepMs: number): TimelinePoint {
    const sum = new Slot(at);
    for (let from = at; from < at + stepMs; from += SLOT_MS) {
      const slot = this.slots[indexOf(from)];
      if (slot?.at === from) sum.add(slot);
    }
    return { at, ...sum.counts, wait: percentilesOf(sum.wait), run: percentilesOf(sum.run) };
  }

  private slotAt(at: Instant): Slot {
    const from = Math.floor(at / SLOT_MS) * SLOT_MS;
    const index = indexOf(from);
    const known = this.slots[index];
    if (known?.at === from) return known;
    const slot = new Slot(from);
    this.slots[index] = slot;
    return slot;
  }
}

function indexOf(from: Instant): number {
  return (from / SLOT_MS) % SLOTS;
}

function recordIn({ counts, wait, run }: Slot, { task, type, ended }: CommittedTransition): void {
  if (task.sequence === 1) counts.enqueued += 1;
  if (type === 'processing' && task.state === 'processing') {
    counts.started += 1;
    wait.record(waitOf(task));
  }
  if (type === 'retrying') counts.retried += 1;
  if (ended !== undefined) run.record(runOf(ended));
  if (ended?.outcome === 'lost') counts.lost += 1;
  const outcome = isFinished(task) ? finalOutcomeOf(task) : undefined;
  // A lost attempt can end its task as a dead letter; `lost` counts attempts, `failed` tasks.
  if (outcome !== undefined) counts[outcome === 'lost' || outcome === 'deadline' ? 'failed' : outcome] += 1;
}

function percentilesOf(sketch: DurationSketch): Percentiles | null {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => sketch.percentile(share));
  if (p50 === undefined || p95 === undefined || p99 === undefined) return null;
  return { p50, p95, p99 };
}
