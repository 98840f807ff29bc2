import { StoreUnavailable } from '../../task-store.js';
import type { Keys } from './keys.js';
import { LuaScript } from '../connection/lua-script.js';
import type { StoreConnection } from '../connection/store-connection.js';

const ADD = new LuaScript('add-queue-names', { hasOneKey: true });
/** Names that one command reads. */
const PAGE = 1_000;

/** The names of all queues that ever had a task. */
export class QueueNames {
  private readonly known = new Set<string>();

  constructor(
    private readonly connection: StoreConnection,
    private readonly keys: Keys,
  ) {}

  /** The number of names that this process knows. */
  get count(): number {
    return this.known.size;
  }

  /** Makes these names known to all replicas before the queues get a task. */
  async ensure(names: readonly string[]): Promise<void> {
    const unknown = names.filter((name) => !this.known.has(name));
    if (unknown.length === 0) return;
    await this.write(unknown);
    for (const name of unknown) this.known.add(name);
  }

  /** Reads many names in pages, so that neither Redis nor this process handles all of them at once. */
  async all(): Promise<readonly string[]> {
    const present = new Set<string>();
    for await (const page of this.pages()) {
      for (const name of page) {
        present.add(name);
        this.known.add(name);
      }
    }
    if (this.known.size === present.size) return [...present];
    const lost = [...this.known].filter((name) => !present.has(name));
    await this.writeAgain(lost);
    return [...present, ...lost];
  }

  private async *pages(): AsyncGenerator<readonly string[]> {
    const { connection, keys } = this;
    // No name is known at the start, and there may be many.
    if (this.known.size > 0 && this.known.size <= PAGE) {
      yield connection.read((client) => client.smembers(keys.queues));
      return;
    }
    let cursor = '0';
    do {
      const from = cursor;
      const [next, page] = await connection.read((client) => client.sscan(keys.queues, from, 'COUNT', PAGE));
      cursor = next;
      yield page;
    } while (cursor !== '0');
  }

  /** A failover has lost names. Their queues, on other nodes of a Cluster, still have their tasks. */
  private async writeAgain(names: readonly string[]): Promise<void> {
    try {
      await this.write(names);
    } catch (error) {
      // The next read of all names tries again.
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }

  /** With a script, because only scripts wait for the replicas. */
  private write(names: readonly string[]): Promise<void> {
    return this.connection.writeScript(ADD, { keys: [this.keys.queues], args: names }, () => undefined);
  }
}
