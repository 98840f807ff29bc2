import { setTimeout as pause } from 'node:timers/promises';
import type { RedisCluster } from './redis-cluster.js';

/** Between two moves, so that those who wait for a slot have their turn. */
const PAUSE_MS = 20;

/** Moves slots that have keys to and fro between the masters of a cluster, one after the other, key by key. */
export class SlotShuffler {
  /** Slots that were moved. */
  moved = 0;
  private isStopped = false;
  private running: Promise<void> | undefined;

  /** @param random from 0 up to, not including, 1 */
  constructor(
    private readonly cluster: RedisCluster,
    private readonly random: () => number = Math.random,
  ) {}

  start(): void {
    this.running ??= this.run();
  }

  /** Resolves when no slot is open. Rejects when a move has failed. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.isStopped) {
      await pause(PAUSE_MS);
      const slot = this.pick(await this.cluster.slotsWithKeys());
      const target = this.pick(this.cluster.servers);
      if (slot === undefined || target === undefined) continue;
      await this.cluster.moveSlot(slot, target);
      this.moved += 1;
    }
  }

  private pick<T>(some: readonly T[]): T | undefined {
    return some[Math.floor(this.random() * some.length)];
  }
}
