import type { Redis } from 'ioredis';
import type { IdDirectory } from '../records/id-directory.js';
import type { Keys } from '../records/keys.js';
import { mastersOf, type StoreConnection } from '../connection/store-connection.js';

/** Milliseconds between two steps. */
const LOOK_EVERY_MS = 10_000;
/** Keys of any kind that one step scans. */
const KEYS_PER_LOOK = 1_000;

interface Parts {
  readonly connection: StoreConnection;
  readonly keys: Keys;
  readonly directory: IdDirectory;
}

/**
 * Removes directory entries without a task, which a process leaves that ends between the two steps of an insert or a
 * removal. Scans the keys of each node repeatedly, a few at a time.
 */
export class DirectorySweep {
  private readonly cursors = new Map<string, string>();
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(private readonly parts: Parts) {}

  start(): void {
    if (this.isStopped) return;
    this.timer = setTimeout(() => {
      // The next step continues here.
      void this.look()
        .catch(() => undefined)
        .then(() => {
          this.start();
        });
    }, LOOK_EVERY_MS);
    this.timer.unref();
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  /** Scans the next keys of each node. @throws StoreUnavailable */
  async look(): Promise<void> {
    const { connection, keys } = this.parts;
    const found = await connection.during(() =>
      connection.read((client) => Promise.all(mastersOf(client).map((node) => this.scan(node)))),
    );
    const prefix = keys.entry('');
    for (const entry of found.flat()) await this.check(entry.slice(prefix.length));
  }

  private async scan(node: Redis): Promise<readonly string[]> {
    const { host, port } = node.options;
    const name = `${host}:${port}`;
    const from = this.cursors.get(name) ?? '0';
    const pattern = this.parts.keys.entry('*');
    const [next, entries] = await node.scan(from, 'MATCH', pattern, 'COUNT', KEYS_PER_LOOK);
    this.cursors.set(name, next);
    return entries;
  }

  private async check(id: string): Promise<void> {
    const { connection, keys, directory } = this.parts;
    await connection.during(async () => {
      const entry = await directory.entryOf(id);
      if (entry === undefined) return;
      const key = keys.task(entry.queue, id);
      if ((await connection.read((client) => client.exists(key))) === 1) return;
      if (await directory.fence(id, entry)) await directory.exchange([{ id, from: entry, to: undefined }]);
    });
  }
}
