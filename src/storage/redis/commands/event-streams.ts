import { types } from 'node:util';
import type { Cluster, Redis } from 'ioredis';
import type { TaskEvent } from '../../../task/task-event.js';
import type { LoggedEvent } from '../../event-log.js';
import type { StoreParts } from '../records/store-parts.js';

type Entry = readonly [id: string, fields: readonly string[]];

/** Which events of a queue to read. */
export interface StreamRange {
  readonly queue: string;
  /** Later than this. */
  readonly after: number;
}

/** Entries of one stream that one command reads. */
export const ENTRIES_AT_ONCE = 500;

/** Commands that are on their way at a time. In a Cluster each queue has its own. */
const GROUPS_AT_ONCE = 32;

/** Reads the event streams of the queues. */
export class EventStreams {
  constructor(private readonly parts: Pick<StoreParts, 'connection' | 'keys'>) {}

  /** Microseconds: every event that a script tells of from now on has this id or a higher one, if no clock jumps. */
  async now(): Promise<number> {
    const times = await this.parts.connection.read((client) =>
      Promise.all(mastersOf(client).map((node) => node.time())),
    );
    return Math.min(...times.map(([seconds, micros]) => Number(seconds) * 1_000_000 + Number(micros)));
  }

  /** What each queue has after a place, at most so many of each. */
  async read(
    ranges: readonly StreamRange[],
    count = ENTRIES_AT_ONCE,
  ): Promise<ReadonlyMap<string, readonly LoggedEvent[]>> {
    const { connection } = this.parts;
    const byQueue = new Map(ranges.map((range) => [range.queue, range]));
    const groups = connection.groupsOf([...byQueue.keys()]);
    const found = new Map<string, readonly LoggedEvent[]>();
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

  /** Whether every event of a queue after this place is still there. */
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
  ): Promise<[string, readonly LoggedEvent[]][]> {
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

function mastersOf(client: Redis | Cluster): readonly Redis[] {
  return 'nodes' in client ? client.nodes('master') : [client];
}

function eventOf([, fields]: Entry): LoggedEvent {
  const text = fields[1] ?? '{}';
  const { id, type, queue, eval_id: evalId } = JSON.parse(text) as TaskEvent;
  return { id, type, queue, evalId, text };
}

function idOf(entryId: string): number {
  return Number(entryId.split('-')[0]);
}
