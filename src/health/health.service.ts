import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { TaskEvents } from '../events/task-events.js';
import { type StoreTotals, StoreUnavailable, TaskStore } from '../storage/task-store.js';
import { VERSION } from '../version.js';

export interface HealthView {
  readonly status: 'healthy' | 'unhealthy';
  readonly service: 'queue';
  /** Tasks that wait. */
  readonly queue_size: number | null;
  readonly total_tasks: number | null;
  readonly redis: 'connected' | 'disconnected';
  readonly version: string;
  /** Seconds. */
  readonly uptime: number;
}

/** Whether the service can do its work. */
@Injectable()
export class HealthService implements OnModuleDestroy {
  private hasFailed = false;
  private isDraining = false;
  /** Answers those who wait for totals of a store that has gone away. */
  private readonly giveUps = new Set<() => void>();

  constructor(
    private readonly events: TaskEvents,
    private readonly store: TaskStore,
  ) {
    void store.failure.then(() => {
      this.hasFailed = true;
    });
    store.watch({
      moved: () => undefined,
      disturbed: () => {
        if (!store.isAvailable) for (const giveUp of this.giveUps) giveUp();
      },
    });
  }

  /** Whether new work should be sent here. */
  get isReady(): boolean {
    return this.hasStore && !this.isDraining;
  }

  /** Tells load balancers to send nothing more; everything is still served. */
  stopBeingReady(): void {
    this.isDraining = true;
  }

  onModuleDestroy(): void {
    this.stopBeingReady();
  }

  async read(): Promise<HealthView> {
    const totals = this.hasStore ? await this.totals() : undefined;
    return {
      status: totals === undefined ? 'unhealthy' : 'healthy',
      service: 'queue',
      queue_size: totals?.queued ?? null,
      total_tasks: totals?.all ?? null,
      redis: this.isConnected ? 'connected' : 'disconnected',
      version: VERSION,
      uptime: Math.round(process.uptime() * 1000) / 1000,
    };
  }

  /** Whether the store takes writes, which is known without asking it. */
  private get hasStore(): boolean {
    return this.store.isAvailable && !this.hasFailed;
  }

  /** Whether events go out, and what other processes do comes in, where tasks are in Redis. */
  private get isConnected(): boolean {
    const { events, store } = this;
    return events.status === 'connected' && (!store.publishesEvents || store.hearsOthers);
  }

  /** `undefined` as soon as it is known that the store has gone away: its answer may take long then. */
  private async totals(): Promise<StoreTotals | undefined> {
    let giveUp: () => void = () => undefined;
    const away = new Promise<undefined>((resolve) => {
      giveUp = () => {
        resolve(undefined);
      };
      this.giveUps.add(giveUp);
    });
    const totals = this.store.totals().catch((error: unknown) => {
      if (error instanceof StoreUnavailable) return undefined;
      throw error;
    });
    return Promise.race([totals, away]).finally(() => this.giveUps.delete(giveUp));
  }
}
