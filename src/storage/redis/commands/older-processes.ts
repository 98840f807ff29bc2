import type { Cluster, Redis } from 'ioredis';
import type { Keys } from '../records/keys.js';
import type { StoreConnection } from '../connection/store-connection.js';

/**
 * Finds out whether a process of a version is connected that does not know marks (ADR 36): it would see and change what
 * was cleared. Every process listens for moves, and those that know marks listen on one channel more, in one command.
 */
export class OlderProcesses {
  constructor(
    private readonly connection: StoreConnection,
    private readonly keys: Keys,
  ) {}

  /** True as well when Redis does not let this process ask. */
  async areConnected(): Promise<boolean> {
    const { moves, marks } = this.keys;
    try {
      const counts = await this.connection.read((client) =>
        Promise.all(nodesOf(client).map((node) => node.pubsub('NUMSUB', moves, marks))),
      );
      return counts.some(([, all, , known]) => all !== known);
    } catch {
      return true;
    }
  }
}

/** In a Cluster a process may listen at any node. */
function nodesOf(client: Redis | Cluster): readonly Redis[] {
  return 'nodes' in client ? client.nodes('all') : [client];
}
