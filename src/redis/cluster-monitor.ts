import type { Cluster, Redis } from 'ioredis';
import { Heartbeat, isInCluster } from './heartbeat.js';
import { describeRedisError } from './redis-error.js';
import { describeHost } from './redis-url.js';

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
  trouble = 'not connected yet';
  private readonly heartbeats = new Map<Redis, Heartbeat>();
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
      this.isMapRight = false;
      this.judge();
    });
  }

  /** To be called in even intervals. */
  beat(): void {
    this.beats += 1;
    this.followMasters();
    for (const heartbeat of this.heartbeats.values()) heartbeat.beat();
    if (!this.isMapRight || this.beats % BEATS_PER_LOOK === 0) void this.look();
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
      const heartbeat = new Heartbeat(node, isInCluster, () => {
        if (!heartbeat.isWell) this.isMapRight = false;
        this.judge();
      });
      this.heartbeats.set(node, heartbeat);
    }
  }

  /** Asks a node that is well who serves what, and has the client look again when it thinks otherwise. */
  private async look(): Promise<void> {
    const node = this.wellNode();
    if (!node || this.isLooking) return;
    this.isLooking = true;
    try {
      const ranges = await node.cluster('SLOTS');
      this.isMapRight = this.agreesWith(ranges);
      if (!this.isMapRight) this.cluster.refreshSlotsCache();
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
      ranges.every(([first, , master]) => {
        const key = master?.slice(0, 2).join(':');
        return this.cluster.slots[first]?.[0] === key && this.isKnown(key);
      })
    );
  }

  private isKnown(key: string | undefined): boolean {
    return [...this.heartbeats.keys()].some(({ options }) => `${options.host}:${options.port}` === key);
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
      const { host = '', port = 0 } = options;
      return `${describeHost({ host, port })}: ${trouble}`;
    }
    if (this.cluster.status === 'ready' && this.isMapRight) return undefined;
    return this.lastError === undefined ? 'some slots are not served' : describeRedisError(this.lastError);
  }
}
