import { Injectable } from '@nestjs/common';
import type { CommittedTransition } from '../storage/transitions.js';
import { Clock, type Instant, type Seconds } from '../task/clock.js';
import { Slot, type TimelinePoint } from './timeline-slot.js';

/** Milliseconds of one slot, the smallest step. */
const SLOT_MS = 10_000;
/** The slots of one hour, and the current one. */
const SLOTS = 361;

/** The last hour of this process in steps of ten seconds, in memory. */
@Injectable()
export class Timeline {
  private readonly slots: (Slot | undefined)[] = [];

  constructor(private readonly clock: Clock) {}

  record(transitions: readonly CommittedTransition[]): void {
    for (const transition of transitions) this.slotAt(transition.at).record(transition);
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
    return sum.point;
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
