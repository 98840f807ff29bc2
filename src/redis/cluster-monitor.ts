import type { Cluster, Redis } from 'ioredis';
import { BEATS_PER_TIMEOUT, Heartbeat, isInCluster, NOT_YET } from './heartbeat.js';
import { describeRedisError } from './redis-error.js';

const SLOTS = 16_384;
/** In a healthy cluster, the nodes are asked for the slot map once in this many beats. */
const BEATS_PER_LOOK = 4;

/** One range in the reply to CLUSTER SLOTS: its slots, then the master, then the replicas. */
type SlotRange = readonly [
  first: number,
  last: number,
  ...nodes: (readonly [host: string, port: number, ...rest: unknown[]])[],
];

/**
 * Tracks the health of a cluster: a healthy master must serve every slot. Nodes without slots do not count. A master
 * with its first slot gets the timeout to connect.
 *
 * It also keeps the client's slot map current and connections to all masters open, so that no first command meets a
 * connection in progress. A slot that has moved since does not count as an outage: the client follows it.
 */
export class ClusterMonitor {
  isHealthy = false;
  trouble = NOT_YET;
  private readonly heartbeats = new Map<Redis, Heartbeat>();
  /** The masters that serve slots, as reported by a node, and whether they cover all slots. */
  private masters: ReadonlySet<string> = new Set();
  private areAllServed = false;
  /** Masters that appeared in a healthy cluster, with the beat of their first appearance. */
  private readonly newcomers = new Map<string, number>();
  private isLooking = false;
  private beats = 0;
  private lastError: unknown;

  /** @param onChange called when `isHealthy` or `trouble` has changed */
  constructor(
    private readonly cluster: Cluster,
    private readonly onChange: () => void,
  ) {
    for (const event of ['error', 'node error']) {
      cluster.on(event, (error: unknown) => {
        this.lastError = error;
        this.judge();
      });
    }
    cluster.on('ready', () => {
      this.beat();
    });
    cluster.on('close', () => {
      this.judge();
    });
  }

  /** Call it at regular intervals. */
  beat(): void {
    this.beats += 1;
    this.followMasters();
    for (const heartbeat of this.heartbeats.values()) heartbeat.beat();
    if (!this.isHealthy || this.beats % BEATS_PER_LOOK === 0) void this.look();
    this.judge();
  }

  /** One heartbeat for each master that the client knows. */
  private followMasters(): void {
    const masters = new Set(this.cluster.status === 'ready' ? this.cluster.nodes('master') : []);
    for (const node of this.heartbeats.keys()) {
      if (!masters.has(node)) this.heartbeats.delete(node);
    }
    for (const node of masters) {
      if (this.heartbeats.has(node)) continue;
      const heartbeat = new Heartbeat(node, isInCluster, () => {
        // The first healthy node can report the slot map. A node that fails may have handed over its slots before. If
        // no node can answer, the next beat decides.
        if (this.isHealthy !== heartbeat.isHealthy && this.healthyNode() !== undefined) void this.look();
        else this.judge();
      });
      this.heartbeats.set(node, heartbeat);
      // Opens the connection.
      heartbeat.beat();
    }
  }

  /** Asks a healthy node for the slot map. Makes the client refresh its own if the two differ. */
  private async look(): Promise<void> {
    const node = this.healthyNode();
    if (!node || this.isLooking) return;
    this.isLooking = true;
    try {
      const ranges = await node.cluster('SLOTS');
      this.noteMasters(new Set(ranges.map(([, , master]) => keyOf(master))));
      this.areAllServed = ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0) === SLOTS;
      if (!this.knows(ranges)) {
        this.cluster.refreshSlotsCache(() => {
          this.followMasters();
        });
      }
    } catch (error) {
      this.lastError = error;
      this.areAllServed = false;
    } finally {
      this.isLooking = false;
    }
    this.judge();
  }

  private noteMasters(masters: ReadonlySet<string>): void {
    for (const key of this.newcomers.keys()) if (!masters.has(key)) this.newcomers.delete(key);
    for (const key of masters) {
      if (this.isHealthy && !this.masters.has(key)) this.newcomers.set(key, this.beats);
    }
    this.masters = masters;
  }

  /** Whether the client's slot map is complete and contains no master without slots. */
  private knows(ranges: readonly SlotRange[]): boolean {
    const known = this.heartbeatsByKey();
    const isSame = known.size === this.masters.size && [...this.masters].every((key) => known.has(key));
    return (
      isSame &&
      ranges.every(([first, last, master]) => {
        const key = keyOf(master);
        for (let slot = first; slot <= last; slot += 1) {
          if (this.cluster.slots[slot]?.[0] !== key) return false;
        }
        return true;
      })
    );
  }

  private heartbeatsByKey(): ReadonlyMap<string, Heartbeat> {
    return new Map(
      [...this.heartbeats].map(([{ options }, heart]) => [keyOf([options.host, options.port]), heart]),
    );
  }

  /** A different node each time, as a single node can be wrong. */
  private healthyNode(): Redis | undefined {
    const healthy = [...this.heartbeats].filter(([, { isHealthy }]) => isHealthy);
    return healthy[this.beats % healthy.length]?.[0];
  }

  private judge(): void {
    const trouble = this.findTrouble();
    const isHealthy = trouble === undefined;
    if (isHealthy === this.isHealthy && (isHealthy || trouble === this.trouble)) return;
    this.isHealthy = isHealthy;
    if (isHealthy) this.lastError = undefined;
    else this.trouble = trouble;
    this.onChange();
  }

  private findTrouble(): string | undefined {
    const hearts = this.heartbeatsByKey();
    for (const key of this.masters) {
      const heart = hearts.get(key);
      if (heart?.isHealthy) this.newcomers.delete(key);
      else if (!this.isNew(key)) return troubleOf(key, heart);
    }
    if (this.cluster.status === 'ready' && this.areAllServed) return undefined;
    if (this.lastError !== undefined) return describeRedisError(this.lastError);
    return this.masters.size === 0 ? troubleIn(hearts) : 'some slots are not served';
  }

  private isNew(key: string): boolean {
    const since = this.newcomers.get(key);
    return since !== undefined && this.beats - since < BEATS_PER_TIMEOUT;
  }
}

function troubleOf(key: string, heart: Heartbeat | undefined): string {
  const trouble = heart?.trouble ?? NOT_YET;
  return heart !== undefined && trouble === NOT_YET ? NOT_YET : `${key}: ${trouble}`;
}

/** The trouble before any node has reported the slot map. */
function troubleIn(hearts: ReadonlyMap<string, Heartbeat>): string {
  const failed = [...hearts].find(([, { isHealthy, trouble }]) => !isHealthy && trouble !== NOT_YET);
  return failed === undefined ? NOT_YET : troubleOf(...failed);
}

/** The node key in the format of ioredis. */
function keyOf([host, port]: readonly unknown[] = []): string {
  return `${String(host)}:${String(port)}`;
}
