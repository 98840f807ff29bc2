import type { CommittedTransition } from '../storage/transitions.js';
import type { Instant, Seconds } from '../task/clock.js';
import { finalOutcomeOf, isFinished } from '../task/task.js';
import { DurationSketch, type SketchText } from './duration-sketch.js';
import { runOf, waitOf } from './task-metrics.js';

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

/** The counts and times of one step of the timeline. */
export class Slot {
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

  /** @param text of `text` */
  static from(at: Instant, { counts, wait, run }: SlotText): Slot {
    const slot = new Slot(at);
    COUNTED.forEach((name, index) => (slot.counts[name] = counts[index] ?? 0));
    slot.wait.add(DurationSketch.from(wait));
    slot.run.add(DurationSketch.from(run));
    return slot;
  }

  /** The content as JSON. */
  get text(): SlotText {
    return {
      counts: COUNTED.map((name) => this.counts[name]),
      wait: this.wait.text,
      run: this.run.text,
    };
  }

  /** The numbers of the step. */
  get point(): TimelinePoint {
    return { at: this.at, ...this.counts, wait: percentilesOf(this.wait), run: percentilesOf(this.run) };
  }

  add(other: Slot): void {
    for (const name of COUNTED) this.counts[name] += other.counts[name];
    this.wait.add(other.wait);
    this.run.add(other.run);
  }

  record({ task, type, ended }: CommittedTransition): void {
    const { counts, wait, run } = this;
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
}

/** A slot in a document. The counts are in the order of `COUNTED`, to which names may only be appended. */
export interface SlotText {
  readonly counts: readonly number[];
  readonly wait: SketchText;
  readonly run: SketchText;
}

function percentilesOf(sketch: DurationSketch): Percentiles | null {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => sketch.percentile(share));
  if (p50 === undefined || p95 === undefined || p99 === undefined) return null;
  return { p50, p95, p99 };
}
