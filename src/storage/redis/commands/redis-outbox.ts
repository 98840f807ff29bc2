import type { Clock, Instant } from '../../../task/clock.js';
import { type OutboxEntry, Outbox } from '../../outbox.js';
import { FEW_QUEUES, ROUND_MS } from './due-finder.js';
import type { TransitionFeed } from '../connection/transition-feed.js';
import type { StoreParts } from '../records/store-parts.js';

type Entry = readonly [id: string, fields: readonly string[]];

/** The outbox, as a stream for each queue: a script reaches only keys on the node of its queue. */
export class RedisOutbox extends Outbox {
  /** Queues that may have an entry, when there are many. */
  private readonly changed = new Set<string>();
  private nextRound: Instant = -Infinity;

  constructor(
    private readonly parts: StoreParts,
    private readonly clock: Clock,
  ) {
    super();
    parts.commitFeed.add((transitions) => {
      for (const { task } of transitions) this.changed.add(task.spec.queue);
    });
  }

  /** Notes the transitions of other processes. */
  follow(feed: TransitionFeed): void {
    feed.add({
      onTransitions: (all) => {
        for (const { queue } of all) this.changed.add(queue);
      },
      onGap: () => {
        this.nextRound = -Infinity;
      },
    });
  }

  async oldest(limit: number): Promise<readonly OutboxEntry[]> {
    const { connection } = this.parts;
    const found: OutboxEntry[] = [];
    for (const group of connection.groupsOf(await this.toAsk())) {
      if (found.length >= limit) break;
      found.push(...(await this.readChanged(group, limit)));
    }
    return found;
  }

  /** All queues. When there are many, only those with recent transitions, and all once a minute. */
  private async toAsk(): Promise<readonly string[]> {
    const { names } = this.parts;
    const { steady } = this.clock.now();
    const isRoundOver = steady >= this.nextRound || this.nextRound > steady + ROUND_MS;
    if (!isRoundOver && names.count > FEW_QUEUES) return [...this.changed];
    const all = await names.all();
    this.nextRound = steady + ROUND_MS;
    for (const queue of all) this.changed.add(queue);
    return all;
  }

  /** Queues with entries are read again until the entries are removed. */
  private async readChanged(group: readonly string[], limit: number): Promise<readonly OutboxEntry[]> {
    // First, so that a queue that changes during the read is read again.
    for (const queue of group) this.changed.delete(queue);
    try {
      const entries = await this.read(group, limit);
      for (const { key } of entries) this.changed.add(queueOf(key));
      return entries;
    } catch (error) {
      for (const queue of group) this.changed.add(queue);
      throw error;
    }
  }

  async remove(entries: readonly OutboxEntry[]): Promise<void> {
    const byQueue = new Map<string, OutboxEntry[]>();
    for (const entry of entries) {
      const queue = queueOf(entry.key);
      byQueue.set(queue, [...(byQueue.get(queue) ?? []), entry]);
    }
    for (const [queue, some] of byQueue) {
      const ids = some.map(({ key }) => key.slice(queue.length + 1));
      await this.parts.connection.write((client) => client.xdel(this.parts.keys.outbox(queue), ...ids));
    }
  }

  private async read(queues: readonly string[], limit: number): Promise<readonly OutboxEntry[]> {
    const { connection, keys } = this.parts;
    const byKey = new Map(queues.map((queue) => [keys.outbox(queue), queue]));
    const streams = await connection.read((client) =>
      client.xread('COUNT', limit, 'STREAMS', ...byKey.keys(), ...queues.map(() => '0')),
    );
    return (streams ?? []).flatMap(([key, entries]) =>
      entries.map((entry) => entryOf(byKey.get(key) ?? '', entry)),
    );
  }
}

/** Queue names contain no blanks. */
function queueOf(key: string): string {
  return key.slice(0, key.indexOf(' '));
}

function entryOf(queue: string, [id, fields]: Entry): OutboxEntry {
  return { key: `${queue} ${id}`, to: fields[1] ?? '', event: fields[3] ?? '' };
}
