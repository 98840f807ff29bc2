import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { EventLog, type PublishedEvent } from '../storage/event-log.js';
import { EventRing } from './event-ring.js';

/** Milliseconds. The hub follows events this long after the last reader leaves, because readers often reconnect. */
const LINGER_MS = 600_000;

/** Events scanned per read, so that a reader far behind does not delay the others. */
const SCANNED_AT_ONCE = 500;

/** A position in the stream. */
export interface StreamPosition {
  /** The reader has everything up to this event. */
  readonly id: number;
  /** The number of the next event while it is in memory. */
  readonly number?: number;
}

export interface EventsRead {
  /** Empty if there are no more events for now. */
  readonly events: readonly PublishedEvent[];
  readonly position: StreamPosition;
}

/** Called when there may be more events. Must not throw. */
export type Wake = () => void;

/**
 * Follows the events of the store once for all readers and keeps the latest in memory. Readers read on from their
 * position. Older events are read from the store, if it keeps them.
 */
@Injectable()
export class EventHub {
  private readonly readers = new Set<Wake>();
  private ring: EventRing | undefined;
  private starting: Promise<EventRing> | undefined;
  private linger: NodeJS.Timeout | undefined;
  private isWaking = false;

  constructor(
    private readonly log: EventLog,
    private readonly config: Config,
  ) {}

  /** The number of readers. */
  get size(): number {
    return this.readers.size;
  }

  /**
   * Registers a reader. The hub follows events until the last reader leaves, and for `LINGER_MS` longer.
   *
   * @throws StoreUnavailable
   */
  async enter(wake: Wake): Promise<void> {
    clearTimeout(this.linger);
    this.readers.add(wake);
    try {
      await this.follow();
    } catch (error) {
      this.leave(wake);
      throw error;
    }
  }

  leave(wake: Wake): void {
    this.readers.delete(wake);
    if (this.readers.size > 0) return;
    clearTimeout(this.linger);
    this.linger = setTimeout(() => {
      this.stop();
    }, LINGER_MS);
    this.linger.unref();
  }

  /** The position after the latest event. */
  get end(): StreamPosition {
    return this.ring === undefined ? { id: 0 } : { id: this.ring.latest, number: this.ring.end };
  }

  /**
   * Whether the id can belong to a published event, of this process or, slightly earlier, of another one.
   *
   * @throws StoreUnavailable
   */
  async isPast(id: number): Promise<boolean> {
    const isToldHere =
      this.ring !== undefined && (id <= this.ring.latest || this.ring.numberAfter(id) !== this.ring.end);
    return isToldHere || this.log.reaches(id);
  }

  /**
   * The events after a position; `undefined` if some of them may be missing.
   *
   * @throws StoreUnavailable
   */
  async read(position: StreamPosition, queues?: readonly string[]): Promise<EventsRead | undefined> {
    const { ring } = this;
    if (ring === undefined) return undefined;
    const isThere = position.number !== undefined && position.number >= ring.first;
    const number = isThere ? position.number : ring.numberAfter(position.id);
    if (number === undefined) return this.readPast(position.id, ring.floor, queues);
    const events = ring.from(number, SCANNED_AT_ONCE);
    return { events, position: { id: events.at(-1)?.id ?? position.id, number: number + events.length } };
  }

  /** Stops following events; later reads return `undefined`. */
  stop(): void {
    clearTimeout(this.linger);
    if (this.ring === undefined) return;
    this.ring = undefined;
    this.log.unfollow();
  }

  /** Reads a page of older events from the store, and continues in memory after the last one. */
  private async readPast(
    id: number,
    until: number,
    queues: readonly string[] | undefined,
  ): Promise<EventsRead | undefined> {
    const page = await this.log.past({ after: id, until, queues, limit: SCANNED_AT_ONCE });
    if (page === undefined) return undefined;
    const position = { id: page.position };
    return page.events.length === 0 && page.position >= until
      ? this.read(position, queues)
      : { events: page.events, position };
  }

  private async follow(): Promise<EventRing> {
    if (this.ring !== undefined) return this.ring;
    this.starting ??= this.start().finally(() => {
      this.starting = undefined;
    });
    return this.starting;
  }

  private async start(): Promise<EventRing> {
    const ring = new EventRing(this.config.EVENTS_STREAM_LENGTH);
    await this.log.follow({
      onStart: (after) => {
        ring.restart(after);
        this.wakeAll();
      },
      onEvents: (events) => {
        ring.push(events);
        this.wakeAll();
      },
    });
    this.ring = ring;
    return ring;
  }

  /** Wakes all readers once per turn of the event loop. */
  private wakeAll(): void {
    if (this.isWaking) return;
    this.isWaking = true;
    setImmediate(() => {
      this.isWaking = false;
      for (const wake of this.readers) wake();
    });
  }
}
