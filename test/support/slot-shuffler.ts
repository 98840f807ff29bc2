import { setTimeout as pause } from 'node:timers/promises';
import type { RedisCluster } from './redis-cluster.js';

/** Between two moves, at least, so that those who wait for a slot have their turn: as long as the move before took. */
const PAUSE_MS = 20;

export interface ShufflerOptions {
  /** Slots of which every other move is one; asked before each move. By default none. */
  readonly favourites?: () => Promise<readonly number[]>;
  /** From 0 up to, not including, 1. */
  readonly random?: () => number;
}

/** Moves slots that have keys to and fro between the masters of a cluster, one after the other, key by key. */
export class SlotShuffler {
  /** Slots that were moved. */
  moved = 0;
  private isStopped = false;
  private running: Promise<void> | undefined;

  constructor(
    private readonly cluster: RedisCluster,
    private readonly options: ShufflerOptions = {},
  ) {}

  start(): void {
    this.running ??= this.run();
    // `stop` tells.
    this.running.catch(() => undefined);
  }

  /** Resolves when no slot is open. Rejects when a move has failed. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.running;
  }

  private async run(): Promise<void> {
    for (let rest = PAUSE_MS; !this.isStopped;) {
      await pause(rest);
      const favourites = (await this.options.favourites?.()) ?? [];
      const isFavourite = favourites.length > 0 && this.moved % 2 === 0;
      const slot = this.pick(isFavourite ? favourites : await this.cluster.slotsWithKeys());
      const target = this.pick(await this.cluster.masters());
      if (slot === undefined || target === undefined) continue;
      const begin = performance.now();
      await this.cluster.moveSlot(slot, target);
      await this.cluster.untilAgreed();
      this.moved += 1;
      rest = Math.max(PAUSE_MS, performance.now() - begin);
    }
  }

  private pick<T>(some: readonly T[]): T | undefined {
    const { random = Math.random } = this.options;
    return some[Math.floor(random() * some.length)];
  }
}
