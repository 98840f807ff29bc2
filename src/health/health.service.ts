import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { TaskEvents } from '../events/task-events.js';
import { StatusService } from '../queue/status.service.js';
import { TaskStore } from '../storage/task-store.js';
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

  constructor(
    private readonly status: StatusService,
    private readonly events: TaskEvents,
    store: TaskStore,
  ) {
    void store.failure.then(() => {
      this.hasFailed = true;
    });
  }

  /** Whether new work should be sent here. */
  get isReady(): boolean {
    return !this.hasFailed && !this.isDraining;
  }

  onModuleDestroy(): void {
    this.isDraining = true;
  }

  async read(): Promise<HealthView> {
    const counts = this.hasFailed ? undefined : await this.status.read();
    return {
      status: counts === undefined ? 'unhealthy' : 'healthy',
      service: 'queue',
      queue_size: counts?.queue_length ?? null,
      total_tasks: counts?.total_tasks ?? null,
      redis: this.events.status,
      version: VERSION,
      uptime: Math.round(process.uptime() * 1000) / 1000,
    };
  }
}
