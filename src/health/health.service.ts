import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { TaskEvents } from '../events/task-events.js';
import { StoreUnavailable, TaskStore } from '../storage/task-store.js';
import type { StoreTotals } from '../storage/task-views.js';
import { VERSION } from '../version.js';

export interface HealthView {
  readonly status: 'healthy' | 'unhealthy';
  readonly service: 'queue';
  /** Ready tasks. */
  readonly queue_size: number | null;
  readonly total_tasks: number | null;
  readonly redis: 'connected' | 'disconnected';
  readonly version: string;
  /** Seconds. */
  readonly uptime: number;
}

/** The health and readiness of the service. */
@Injectable()
export class HealthService implements OnModuleDestroy {
  private hasFailed = false;
  private isDraining = false;
  /** Ends reads of the totals when the store becomes unavailable. */
  private readonly giveUps = new Set<() => void>();

  constructor(
    private readonly events: TaskEvents,
    private readonly store: TaskStore,
  ) {
    void store.failure.then(() => {
      this.hasFailed = true;
    });
    store.watch({
      onTransitions: () => undefined,
      onGap: () => {
        if (!store.isAvailable) for (const giveUp of this.giveUps) giveUp();
      },
    });
  }

  /** Whether load balancers should send requests here. */
  get isReady(): boolean {
    return this.hasStore && !this.isDraining;
  }

  /** Makes the readiness check fail; requests are still served. */
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

  /** Whether the store accepts writes, as last seen; makes no call. */
  private get hasStore(): boolean {
    return this.store.isAvailable && !this.hasFailed;
  }

  /** Whether events are published and, with tasks in Redis, notices of other processes arrive. */
  private get isConnected(): boolean {
    const { events, store } = this;
    return events.status === 'connected' && (!store.publishesEvents || store.receivesEveryProcess);
  }

  /** `undefined` once the store is known to be unavailable: its answer could take long. */
  private async totals(): Promise<StoreTotals | undefined> {
    let giveUp: () => void = () => undefined;
    const away = new Promise<undefined>((resolve) => {
      giveUp = () => {
        resolve(undefined);
      };
      this.giveUps.add(giveUp);
    });
    const totals = this.store.views.totals().catch((error: unknown) => {
      if (error instanceof StoreUnavailable) return undefined;
      throw error;
    });
    return Promise.race([totals, away]).finally(() => this.giveUps.delete(giveUp));
  }
}
