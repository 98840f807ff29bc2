import type { Keys } from './keys.js';
import type { StoreConnection } from './store-connection.js';

/** The names of all queues that ever had a task. */
export class QueueNames {
  private readonly known = new Set<string>();

  constructor(
    private readonly connection: StoreConnection,
    private readonly keys: Keys,
  ) {}

  /** Makes sure that these are known to all replicas, before they get a task. */
  async ensure(names: readonly string[]): Promise<void> {
    const unknown = names.filter((name) => !this.known.has(name));
    if (unknown.length === 0) return;
    await this.connection.write((client) => client.sadd(this.keys.queues, ...unknown));
    for (const name of unknown) this.known.add(name);
  }

  async all(): Promise<readonly string[]> {
    const names = await this.connection.read((client) => client.smembers(this.keys.queues));
    // A failover may have lost a name that was written; then it is written again with the next task.
    this.known.clear();
    for (const name of names) this.known.add(name);
    return names;
  }
}
