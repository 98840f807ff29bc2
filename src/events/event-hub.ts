import { Injectable } from '@nestjs/common';
import { Config } from '../config/config.js';
import { EventLog, type LoggedEvent } from '../storage/event-log.js';
import { EventRing } from './event-ring.js';

/** For so long after the last reader has gone the events are still followed: it may be back in a moment. */
const LINGER_MS = 600_000;

/** Events that one read goes through, so that a reader far behind holds nobody up. */
const SCANNED_AT_ONCE = 500;

/** Where somebody is in the stream. */
export interface Place {
  /** Everything up to this event was read. */
  readonly id: number;
  /** The number of what follows, while that is in memory. */
  readonly number?: number;
}

export interface EventsRead {
  /** Empty: there are no more for now. */
  readonly events: readonly LoggedEvent[];
  readonly place: Place;
}

/** Is told that there may be more to read. Must not throw. */
export type Wake = () => void;

/**
 * Follows the events of the store while somebody reads them, once for all readers, and keeps the latest in memory.
 * Readers take what follows on their place; what is not in memory any more is read from the store, if it keeps it.
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

  /** Who reads now. */
  get size(): number {
    return this.readers.size;
  }

  /**
   * Lets somebody read. From here on until it leaves, and a while longer, events are followed.
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

  /** After all that was told. */
  get end(): Place {
    return this.ring === undefined ? { id: 0 } : { id: this.ring.latest, number: this.ring.end };
  }

  /**
   * Whether it can be the id of an event that was told, here or, a moment sooner, by another process.
   *
   * @throws StoreUnavailable
   */
  async isPast(id: number): Promise<boolean> {
    const isToldHere =
      this.ring !== undefined && (id <= this.ring.latest || this.ring.numberAfter(id) !== this.ring.end);
    return isToldHere || this.log.reaches(id);
  }

  /**
   * What follows on a place; `undefined` when some of it may be gone.
   *
   * @throws StoreUnavailable
   */
  async read(place: Place, queues?: readonly string[]): Promise<EventsRead | undefined> {
    const { ring } = this;
    if (ring === undefined) return undefined;
    const isThere = place.number !== undefined && place.number >= ring.first;
    const number = isThere ? place.number : ring.numberAfter(place.id);
    if (number === undefined) return this.readPast(place.id, ring.floor, queues);
    const events = ring.from(number, SCANNED_AT_ONCE);
    return { events, place: { id: events.at(-1)?.id ?? place.id, number: number + events.length } };
  }

  /** Follows no more, so nobody can read. */
  stop(): void {
    clearTimeout(this.linger);
    if (this.ring === undefined) return;
    this.ring = undefined;
    this.log.unfollow();
  }

  /** Reads from the store until there is something. */
  private async readPast(
    id: number,
    until: number,
    queues: readonly string[] | undefined,
  ): Promise<EventsRead | undefined> {
    const page = await this.log.past({ after: id, until, queues, limit: SCANNED_AT_ONCE });
    if (page === undefined) return undefined;
    const place = { id: page.position };
    return page.events.length === 0 && page.position >= until
      ? this.read(place, queues)
      : { events: page.events, place };
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
      begins: (after) => {
        ring.restart(after);
        this.wakeAll();
      },
      told: (events) => {
        ring.push(events);
        this.wakeAll();
      },
    });
    this.ring = ring;
    return ring;
  }

  /** Once for all that is told in a turn. */
  private wakeAll(): void {
    if (this.isWaking) return;
    this.isWaking = true;
    setImmediate(() => {
      this.isWaking = false;
      for (const wake of this.readers) wake();
    });
  }
}
