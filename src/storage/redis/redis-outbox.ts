import { type Notice, Outbox } from '../outbox.js';
import type { StoreParts } from './store-parts.js';

type Entry = readonly [id: string, fields: readonly string[]];

/** Notices in a stream for each queue: a script reaches only what is on the node of its queue. */
export class RedisOutbox extends Outbox {
  constructor(private readonly parts: StoreParts) {
    super();
  }

  async oldest(limit: number): Promise<readonly Notice[]> {
    const { connection, names } = this.parts;
    return connection.during(async () => {
      const found: Notice[] = [];
      for (const group of connection.groupsOf(await names.all())) {
        if (found.length < limit) found.push(...(await this.read(group, limit)));
      }
      return found;
    });
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
