import { setTimeout as pause } from 'node:timers/promises';
import {
  type EventFollower,
  EventLog,
  type EventPage,
  type PublishedEvent,
  type PastEvents,
} from '../../event-log.js';
import type { TransitionFeed } from '../connection/transition-feed.js';
import type { StoreParts } from '../records/store-parts.js';
import { types } from 'node:util';
import type { TaskEvent } from '../../../task/task-event.js';
import { mastersOf } from '../connection/store-connection.js';

/** Milliseconds between two reads, so that a busy store is read in larger pieces. */
const PAUSE_MS = 5;
/** Events that a page of the past first reads of each queue, and the most queues of which it then reads more. */
const FIRST_OF_EACH = 8;
const MORE_AT_ONCE = 16;
/** Milliseconds before a failed read is repeated. */
const RETRY_MS = 200;
/** Reads for which an event ahead of the clock is held back, about a second. */
const HELD_READS = 200;

/** Events of one read, and the id up to which they are complete. */
interface Round {
  readonly events: readonly PublishedEvent[];
  readonly settled: number;
  /** Whether more could be read. */
  readonly isCut: boolean;
  /** Whether some events are not before the time. */
  readonly hasHeld: boolean;
  /** Queues with events in the read. In the others, no event after the requested one can have been dropped. */
  readonly queues: ReadonlySet<string>;
}

/**
 * The events of all queues as one stream. Each queue has its own stream in Redis, whose ids are times of the clock of
 * Redis. A round first reads the clock, then the older events of all queues; younger ones wait for the next round. This
 * gives one order, and each delivered id is a position in all queues.
 */
export class RedisEventLog extends EventLog {
  private readonly streams: EventStreams;
  private readonly positions = new Map<string, number>();
  private follower: EventFollower | undefined;
  private since = 0;
  /** Every event with an id up to this one has been delivered, or precedes the start. */
  private toldUpTo = 0;
  private isRunning = false;
  private isWoken = false;
  /** Whether entries may have been dropped unread. */
  private isDoubtful = false;
  private heldFor = 0;

  constructor(
    private readonly parts: StoreParts,
    feed: TransitionFeed,
  ) {
    super();
    this.streams = new EventStreams(parts);
    feed.add({
      onTransitions: () => {
        if (this.follower !== undefined) this.wake();
      },
      onGap: () => {
        this.isDoubtful = true;
        if (this.follower !== undefined && parts.connection.isAvailable) this.wake();
      },
    });
  }

  async follow(follower: EventFollower): Promise<void> {
    this.begin(follower, await this.streams.now());
  }

  unfollow(): void {
    this.follower = undefined;
  }

  override async reaches(id: number): Promise<boolean> {
    if (id > (await this.streams.now())) return false;
    for (let reads = 0; this.follower !== undefined && this.toldUpTo < id && reads < HELD_READS; reads += 1) {
      this.wake();
      await pause(PAUSE_MS, undefined, { ref: false });
    }
    return this.follower !== undefined && this.toldUpTo >= id;
  }

  async past({ after, until, queues, limit }: PastEvents): Promise<EventPage | undefined> {
    const ranges = (queues ?? (await this.parts.names.all())).map((queue) => ({ queue, after }));
    const round = await this.firstOf(ranges, until + 1, limit);
    if (!(await this.areWhole(ranges.filter(({ queue }) => round.queues.has(queue))))) return undefined;
    const events = round.events.slice(0, limit);
    const isAll = events.length === round.events.length;
    return { events, position: isAll ? round.settled : (events.at(-1)?.id ?? after) };
  }

  /**
   * The first events of all queues before a time: a few of each queue, and more only of queues whose events the page
   * has used up. Reading a whole page of each queue would cost queues times pages.
   */
  private async firstOf(ranges: readonly StreamRange[], before: number, limit: number): Promise<Round> {
    const found: PublishedEvent[] = [];
    const queues = new Set<string>();
    /** By queue with more events: the last event read. */
    const cuts = new Map<string, number>();
    for (let open = ranges, count = FIRST_OF_EACH; ; count = Math.min(count * 4, ENTRIES_AT_ONCE)) {
      const streams = await this.streams.read(open, count);
      for (const { queue } of open) {
        const events = streams.get(queue) ?? [];
        const last = events.at(-1)?.id;
        found.push(...events);
        if (last !== undefined) queues.add(queue);
        if (events.length === count && last !== undefined && last < before) cuts.set(queue, last);
        else cuts.delete(queue);
      }
      const nearest = [...cuts].toSorted(([, one], [, other]) => one - other).slice(0, MORE_AT_ONCE);
      const end = Math.min(before, (nearest[0]?.[1] ?? Infinity) + 1);
      const events = found.filter(({ id }) => id < end).toSorted((one, other) => one.id - other.id);
      if (nearest.length === 0 || events.length >= limit) {
        return { events, settled: end - 1, isCut: end < before, hasHeld: false, queues };
      }
      open = nearest.map(([queue, after]) => ({ queue, after }));
    }
  }

  /** @param now a time of the clock, read after the events to leave out */
  private begin(follower: EventFollower, now: number): void {
    this.follower = follower;
    this.since = now - 1;
    this.toldUpTo = this.since;
    this.positions.clear();
    this.isDoubtful = false;
    follower.onStart(this.since);
    this.wake();
  }

  private wake(): void {
    this.isWoken = true;
    if (!this.isRunning) void this.run();
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    while (this.isWoken && this.follower !== undefined) {
      this.isWoken = false;
      await this.pull(this.follower).catch(() => this.failed());
      await pause(PAUSE_MS, undefined, { ref: false });
    }
    this.isRunning = false;
  }

  /** The store wakes it after an outage. */
  private async failed(): Promise<void> {
    this.isDoubtful = true;
    if (!this.parts.connection.isAvailable) return;
    this.isWoken = true;
    await pause(RETRY_MS, undefined, { ref: false });
  }

  /** Delivers new events. */
  private async pull(follower: EventFollower): Promise<void> {
    const now = await this.streams.now();
    const names = await this.parts.names.all();
    const ranges = names.map((queue) => ({ queue, after: this.positions.get(queue) ?? this.since }));
    // A clock that was set back must not delay events without limit.
    const round = await this.round(ranges, this.heldFor < HELD_READS ? now : Infinity);
    const hasMissed = (round.isCut || this.isDoubtful) && !(await this.areWhole(ranges));
    if (this.follower !== follower) return;
    if (hasMissed) {
      this.begin(follower, now);
      return;
    }
    this.isDoubtful = false;
    this.heldFor = round.hasHeld ? this.heldFor + 1 : 0;
    this.isWoken ||= round.isCut || round.hasHeld;
    for (const { queue, id } of round.events) this.positions.set(queue, id);
    if (round.events.length > 0) follower.onEvents(round.events);
    if (round.settled < Infinity) this.toldUpTo = Math.max(this.toldUpTo, round.settled);
  }

  /** The events before a time, in order, as far as they are surely complete. */
  private async round(ranges: readonly StreamRange[], before: number): Promise<Round> {
    const found = await this.streams.read(ranges);
    let end = before;
    for (const events of found.values()) {
      if (events.length === ENTRIES_AT_ONCE) end = Math.min(end, (events.at(-1)?.id ?? end) + 1);
    }
    const all = [...found.values()].flat();
    const events = all.filter(({ id }) => id < end).toSorted((one, other) => one.id - other.id);
    const hasHeld = all.some(({ id }) => id >= before);
    return { events, settled: end - 1, isCut: end < before, hasHeld, queues: new Set(found.keys()) };
  }

  private async areWhole(ranges: readonly StreamRange[]): Promise<boolean> {
    const answers = await Promise.all(ranges.map((range) => this.streams.isWhole(range)));
    return !answers.includes(false);
  }
}

type Entry = readonly [id: string, fields: readonly string[]];

/** The events of a queue to read. */
interface StreamRange {
  readonly queue: string;
  /** Only later events. */
  readonly after: number;
}

/** The most entries of one stream that one command reads. */
const ENTRIES_AT_ONCE = 500;

/** Commands in flight at a time. In a Cluster each queue has its own. */
const GROUPS_AT_ONCE = 32;

/** Reads the event streams of the queues. */
class EventStreams {
  constructor(private readonly parts: Pick<StoreParts, 'connection' | 'keys'>) {}

  /** Microseconds. If no clock jumps, every later event has this id or a higher one. */
  async now(): Promise<number> {
    const times = await this.parts.connection.read((client) =>
      Promise.all(mastersOf(client).map((node) => node.time())),
    );
    return Math.min(...times.map(([seconds, micros]) => Number(seconds) * 1_000_000 + Number(micros)));
  }

  /** The events of each queue after a position, up to a limit for each. */
  async read(
    ranges: readonly StreamRange[],
    count = ENTRIES_AT_ONCE,
  ): Promise<ReadonlyMap<string, readonly PublishedEvent[]>> {
    const { connection } = this.parts;
    const byQueue = new Map(ranges.map((range) => [range.queue, range]));
    const groups = connection.groupsOf([...byQueue.keys()]);
    const found = new Map<string, readonly PublishedEvent[]>();
    for (let from = 0; from < groups.length; from += GROUPS_AT_ONCE) {
      const some = groups.slice(from, from + GROUPS_AT_ONCE);
      const reads = some.map((group) =>
        this.readGroup(
          group.flatMap((queue) => byQueue.get(queue) ?? []),
          count,
        ),
      );
      for (const [queue, events] of (await Promise.all(reads)).flat()) found.set(queue, events);
    }
    return found;
  }

  /** Whether the stream still has every event of a queue after this position. */
  async isWhole({ queue, after }: StreamRange): Promise<boolean> {
    const info = await this.info(queue);
    if (info === undefined) return true;
    const first = (info.get('first-entry') as Entry | null)?.[0];
    if (first !== undefined && idOf(first) <= after) return true;
    const isUntrimmed = Number(info.get('entries-added')) === Number(info.get('length'));
    return isUntrimmed || idOf(info.get('last-generated-id') as string) <= after;
  }

  private async readGroup(
    ranges: readonly StreamRange[],
    count: number,
  ): Promise<[string, readonly PublishedEvent[]][]> {
    const { connection, keys } = this.parts;
    const queues = new Map(ranges.map(({ queue }) => [keys.events(queue), queue]));
    const starts = ranges.map(({ after }) => `${after}-0`);
    const streams = await connection.read((client) =>
      client.xread('COUNT', count, 'STREAMS', ...queues.keys(), ...starts),
    );
    return (streams ?? []).map(([key, entries]) => [queues.get(key) ?? '', entries.map(eventOf)]);
  }

  private async info(queue: string): Promise<ReadonlyMap<string, unknown> | undefined> {
    const { connection, keys } = this.parts;
    const reply = await connection.read(async (client) => {
      try {
        return (await client.xinfo('STREAM', keys.events(queue))) as unknown[];
      } catch (error) {
        if (types.isNativeError(error) && error.message.includes('no such key')) return undefined;
        throw error;
      }
    });
    if (reply === undefined) return undefined;
    return new Map(
      reply.flatMap((name, at) => (at % 2 === 0 ? [[String(name), reply[at + 1]] as const] : [])),
    );
  }
}

function eventOf([, fields]: Entry): PublishedEvent {
  const text = fields[1] ?? '{}';
  const { id, type, queue, eval_id: evalId } = JSON.parse(text) as TaskEvent;
  return { id, type, queue, evalId, text };
}

function idOf(entryId: string): number {
  return Number(entryId.split('-')[0]);
}
