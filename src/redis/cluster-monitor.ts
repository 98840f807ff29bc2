import type { Cluster, Redis } from 'ioredis';
import { Heartbeat, isInCluster, NOT_YET } from './heartbeat.js';
import { describeRedisError } from './redis-error.js';

const SLOTS = 16_384;
/** While all is well the nodes are asked this seldom who serves what. */
const BEATS_PER_LOOK = 4;

/** What CLUSTER SLOTS says of one range: its slots, then the master, then the replicas. */
type SlotRange = readonly [
  first: number,
  last: number,
  ...nodes: (readonly [host: string, port: number, ...rest: unknown[]])[],
];

/**
 * Knows whether a cluster is well: every slot is served, and by a master that is well.
 *
 * It also keeps the client's map of slots right while nothing is asked of it, and connections open to all masters, so
 * that no first command finds one that is still being made.
 */
export class ClusterMonitor {
  isWell = false;
  trouble = NOT_YET;
  private readonly heartbeats = new Map<Redis, Heartbeat>();
  /** The masters that serve slots, as a node has said, and whether the client's map says the same. */
  private masters: ReadonlySet<string> = new Set();
  private isMapRight = false;
  private isLooking = false;
  private beats = 0;
  private lastError: unknown;

  /** @param onChange called when `isWell` or `trouble` has changed */
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

  /** To be called in even intervals. */
  beat(): void {
    this.beats += 1;
    this.followMasters();
    for (const heartbeat of this.heartbeats.values()) heartbeat.beat();
    if (!this.isWell || this.beats % BEATS_PER_LOOK === 0) void this.look();
    this.judge();
  }

  /** One heart for each master that the client knows. */
  private followMasters(): void {
    const masters = new Set(this.cluster.status === 'ready' ? this.cluster.nodes('master') : []);
    for (const node of this.heartbeats.keys()) {
      if (!masters.has(node)) this.heartbeats.delete(node);
    }
    for (const node of masters) {
      if (this.heartbeats.has(node)) continue;
      const onChange = (): void => {
        // The first one that is well can be asked for the rest.
        if (!this.isWell) void this.look();
        this.judge();
      };
      this.heartbeats.set(node, new Heartbeat(node, isInCluster, onChange));
    }
  }

  /** Asks a node that is well who serves what, and has the client look again when it thinks otherwise. */
  private async look(): Promise<void> {
    const node = this.wellNode();
    if (!node || this.isLooking) return;
    this.isLooking = true;
    try {
      const ranges = await node.cluster('SLOTS');
      this.masters = new Set(ranges.map(([, , master]) => keyOf(master)));
      this.isMapRight = this.agreesWith(ranges);
      if (!this.isMapRight || this.lostMaster() !== undefined) this.cluster.refreshSlotsCache();
    } catch (error) {
      this.lastError = error;
      this.isMapRight = false;
    } finally {
      this.isLooking = false;
    }
    this.judge();
  }

  private agreesWith(ranges: readonly SlotRange[]): boolean {
    const served = ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
    return (
      served === SLOTS &&
      ranges.every(([first, , master]) => this.cluster.slots[first]?.[0] === keyOf(master))
    );
  }

  /** One that serves slots and that the client has no connection to. */
  private lostMaster(): string | undefined {
    const known = new Set(
      [...this.heartbeats.keys()].map(({ options }) => keyOf([options.host, options.port])),
    );
    return [...this.masters].find((key) => !known.has(key));
  }

  /** Another one each time, as one alone may be mistaken. */
  private wellNode(): Redis | undefined {
    const well = [...this.heartbeats].filter(([, { isWell }]) => isWell);
    return well[this.beats % well.length]?.[0];
  }

  private judge(): void {
    const trouble = this.findTrouble();
    const isWell = trouble === undefined;
    if (isWell === this.isWell && (isWell || trouble === this.trouble)) return;
    this.isWell = isWell;
    if (isWell) this.lastError = undefined;
    else this.trouble = trouble;
    this.onChange();
  }

  private findTrouble(): string | undefined {
    for (const [{ options }, { isWell, trouble }] of this.heartbeats) {
      if (isWell) continue;
      return trouble === NOT_YET ? NOT_YET : `${keyOf([options.host, options.port])}: ${trouble}`;
    }
    const lost = this.lostMaster();
    if (lost !== undefined) return `${lost}: ${NOT_YET}`;
    if (this.cluster.status === 'ready' && this.isMapRight) return undefined;
    if (this.lastError !== undefined) return describeRedisError(this.lastError);
    return this.masters.size === 0 ? NOT_YET : 'some slots are not served';
  }
}

/** As the client names nodes. */
function keyOf([host, port]: readonly unknown[] = []): string {
  return `${String(host)}:${String(port)}`;
}
