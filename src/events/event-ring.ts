import type { PublishedEvent } from '../storage/event-log.js';

/** The number of unused slots after which the array is compacted. */
const UNUSED_SLOTS = 4_096;

/**
 * The latest events in publishing order. Each has a number in that order. Ids usually have the same order, but a clock
 * can jump.
 */
export class EventRing {
  private events: PublishedEvent[] = [];
  /** The number of unused slots at the start. */
  private unused = 0;
  /** The number of the event in the first slot. */
  private base = 0;
  private below = 0;
  private last = 0;

  /** @param capacity the number of events to keep */
  constructor(private readonly capacity: number) {}

  /** The number of the oldest kept event. */
  get first(): number {
    return this.base + this.unused;
  }

  /** The number of the next event. */
  get end(): number {
    return this.base + this.events.length;
  }

  /** The ring has every event after this id. */
  get floor(): number {
    return this.below;
  }

  /** The id of the latest event, or the start position. */
  get latest(): number {
    return this.last;
  }

  push(events: readonly PublishedEvent[]): void {
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

  /** Drops all events and restarts after this id. Even an up-to-date reader has then missed events. */
  restart(after: number): void {
    this.base = this.end + 1;
    this.events = [];
    this.unused = 0;
    this.below = after;
    this.last = after;
  }

  /** The number of the event after this id; `undefined` if it is no longer kept. */
  numberAfter(id: number): number | undefined {
    const same = this.events.findLastIndex((event) => event.id === id);
    if (same >= this.unused) return this.base + same + 1;
    if (id < this.below) return undefined;
    // The id is no event but a position between two.
    const earlier = this.events.findLastIndex((event) => event.id < id);
    return Math.max(this.base + earlier + 1, this.first);
  }

  /** The first events from this number on. */
  from(number: number, limit: number): readonly PublishedEvent[] {
    const start = number - this.base;
    return this.events.slice(start, start + limit);
  }

  private giveBack(): void {
    this.events = this.events.slice(this.unused);
    this.base += this.unused;
    this.unused = 0;
  }
}
