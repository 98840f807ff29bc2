import type { LoggedEvent } from '../storage/event-log.js';

/** How many slots may lie unused before they are given back. */
const UNUSED_SLOTS = 4_096;

/**
 * The latest events in the order in which they were told. Each has a number in that order; ids nearly always have the
 * same order, but a clock may jump.
 */
export class EventRing {
  private events: LoggedEvent[] = [];
  /** Slots at the beginning that are not used any more. */
  private unused = 0;
  /** The number of what is in the first slot. */
  private base = 0;
  private below = 0;
  private last = 0;

  /** @param capacity how many are kept */
  constructor(private readonly capacity: number) {}

  /** The number of the oldest that is there. */
  get first(): number {
    return this.base + this.unused;
  }

  /** The number of the next one. */
  get end(): number {
    return this.base + this.events.length;
  }

  /** Every event after this id is there. */
  get floor(): number {
    return this.below;
  }

  /** The id of the last one that was told, or of where it began. */
  get latest(): number {
    return this.last;
  }

  push(events: readonly LoggedEvent[]): void {
    for (const event of events) {
      this.events.push(event);
      this.last = event.id;
    }
    while (this.events.length - this.unused > this.capacity) {
      this.below = Math.max(this.below, this.events[this.unused]?.id ?? 0);
      this.unused += 1;
    }
    if (this.unused >= Math.min(UNUSED_SLOTS, this.capacity)) this.giveBack();
  }

  /** Forgets all and begins anew after this id. Whoever has read everything so far has missed something all the same. */
  restart(after: number): void {
    this.base = this.end + 1;
    this.events = [];
    this.unused = 0;
    this.below = after;
    this.last = after;
  }

  /** The number of what follows on the event with this id; `undefined` when that is not there any more. */
  numberAfter(id: number): number | undefined {
    const same = this.events.findLastIndex((event) => event.id === id);
    if (same >= this.unused) return this.base + same + 1;
    if (id < this.below) return undefined;
    // Not an event: a place between two.
    const earlier = this.events.findLastIndex((event) => event.id < id);
    return Math.max(this.base + earlier + 1, this.first);
  }

  /** The first ones from this number on. */
  from(number: number, limit: number): readonly LoggedEvent[] {
    const start = number - this.base;
    return this.events.slice(start, start + limit);
  }

  private giveBack(): void {
    this.events = this.events.slice(this.unused);
    this.base += this.unused;
    this.unused = 0;
  }
}
