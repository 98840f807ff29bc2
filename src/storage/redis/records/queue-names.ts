import { StoreUnavailable } from '../../task-store.js';
import type { Keys } from './keys.js';
import { LuaScript } from '../connection/lua-script.js';
import type { StoreConnection } from '../connection/store-connection.js';

const ADD = new LuaScript('add-queue-names', { hasOneKey: true });

/** The names of all queues that ever had a task. */
export class QueueNames {
  private readonly known = new Set<string>();

  constructor(
    private readonly connection: StoreConnection,
    private readonly keys: Keys,
  ) {}

  /** How many are known to this process. */
  get count(): number {
    return this.known.size;
  }

  /** Makes sure that these are known to all replicas, before they get a task. */
  async ensure(names: readonly string[]): Promise<void> {
    const unknown = names.filter((name) => !this.known.has(name));
    if (unknown.length === 0) return;
    await this.write(unknown);
    for (const name of unknown) this.known.add(name);
  }

  async all(): Promise<readonly string[]> {
    const names = await this.connection.read((client) => client.smembers(this.keys.queues));
    const present = new Set(names);
    const lost = [...this.known].filter((name) => !present.has(name));
    for (const name of names) this.known.add(name);
    if (lost.length === 0) return names;
    await this.writeAgain(lost);
    return [...names, ...lost];
  }

  /** A failover has lost names that were written: their queues, on other nodes of a Cluster, still have their tasks. */
  private async writeAgain(names: readonly string[]): Promise<void> {
    try {
      await this.write(names);
    } catch (error) {
      // The next one who asks for all tries again.
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }

  /** With a script, as only scripts wait for the replicas. */
  private write(names: readonly string[]): Promise<void> {
    return this.connection.writeScript(ADD, { keys: [this.keys.queues], args: names }, () => undefined);
  }
}
