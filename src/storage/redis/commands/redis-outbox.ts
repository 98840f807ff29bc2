import type { Clock, Instant } from '../../../task/clock.js';
import { type Notice, Outbox } from '../../outbox.js';
import { FEW_QUEUES, ROUND_MS } from './due-finder.js';
import type { MoveWatch } from '../connection/move-watch.js';
import type { StoreParts } from '../records/store-parts.js';

type Entry = readonly [id: string, fields: readonly string[]];

/** Notices in a stream for each queue: a script reaches only what is on the node of its queue. */
export class RedisOutbox extends Outbox {
  /** With many queues, those that may have a notice. */
  private readonly changed = new Set<string>();
  private nextRound: Instant = -Infinity;

  constructor(
    private readonly parts: StoreParts,
    private readonly clock: Clock,
  ) {
    super();
    parts.feed.add((transitions) => {
      for (const { task } of transitions) this.changed.add(task.spec.queue);
    });
  }

  /** Learns of what other processes do. */
  follow(moves: MoveWatch): void {
    moves.add({
      moved: (all) => {
        for (const { queue } of all) this.changed.add(queue);
      },
      disturbed: () => {
        this.nextRound = -Infinity;
      },
    });
  }

  async oldest(limit: number): Promise<readonly Notice[]> {
    const { connection } = this.parts;
    return connection.during(async () => {
      const found: Notice[] = [];
      for (const group of connection.groupsOf(await this.toAsk())) {
        if (found.length >= limit) break;
        found.push(...(await this.readChanged(group, limit)));
      }
      return found;
    });
  }

  /** All queues; of many, those in which something has happened, and all once a minute. */
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

  /** What is found is asked for again, until it was removed. */
  private async readChanged(group: readonly string[], limit: number): Promise<readonly Notice[]> {
    // First: what changes while it is read is asked again.
    for (const queue of group) this.changed.delete(queue);
    try {
      const notices = await this.read(group, limit);
      for (const { key } of notices) this.changed.add(queueOf(key));
      return notices;
    } catch (error) {
      for (const queue of group) this.changed.add(queue);
      throw error;
    }
  }

  async remove(notices: readonly Notice[]): Promise<void> {
    const byQueue = new Map<string, Notice[]>();
    for (const notice of notices) {
      const queue = queueOf(notice.key);
      byQueue.set(queue, [...(byQueue.get(queue) ?? []), notice]);
    }
    await this.parts.connection.during(async () => {
      for (const [queue, some] of byQueue) {
        const ids = some.map(({ key }) => key.slice(queue.length + 1));
        await this.parts.connection.write((client) => client.xdel(this.parts.keys.outbox(queue), ...ids));
      }
    });
  }

  private async read(queues: readonly string[], limit: number): Promise<readonly Notice[]> {
    const { connection, keys } = this.parts;
    const byKey = new Map(queues.map((queue) => [keys.outbox(queue), queue]));
    const streams = await connection.read((client) =>
      client.xread('COUNT', limit, 'STREAMS', ...byKey.keys(), ...queues.map(() => '0')),
    );
    return (streams ?? []).flatMap(([key, entries]) =>
      entries.map((entry) => noticeOf(byKey.get(key) ?? '', entry)),
    );
  }
}

/** Names of queues have no blanks. */
function queueOf(key: string): string {
  return key.slice(0, key.indexOf(' '));
}

function noticeOf(queue: string, [id, fields]: Entry): Notice {
  return { key: `${queue} ${id}`, to: fields[1] ?? '', event: fields[3] ?? '' };
}
