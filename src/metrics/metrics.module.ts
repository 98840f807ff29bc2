import { type DynamicModule, Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Config } from '../config/config.js';
import { EventsModule } from '../events/events.module.js';
import { observeRequests } from '../http/request-observers.js';
import { QueueModule } from '../queue/queue.module.js';
import { CountsCache } from './counts-cache.js';
import { History } from './history.js';
import { HttpMetrics } from './http-metrics.js';
import { MetricsController, PublicMetricsController } from './metrics.controller.js';
import { MetricsFeed } from './metrics-feed.js';
import { MetricsRegistry } from './metrics-registry.js';
import { QueueLabels } from './queue-labels.js';
import { ServiceMetrics } from './service-metrics.js';
import { StoreMetrics } from './store-metrics.js';
import { TaskMetrics } from './task-metrics.js';
import { TimelineController } from './timeline.controller.js';
import { Timeline } from './timeline.js';

/** Metrics and the timeline of the service. Only the dashboard depends on the timeline. */
@Module({})
export class MetricsModule implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost,
    private readonly http: HttpMetrics,
    private readonly store: StoreMetrics,
    private readonly service: ServiceMetrics,
  ) {}

  static forRoot(config: Config): DynamicModule {
    return {
      module: MetricsModule,
      global: true,
      imports: [QueueModule, EventsModule],
      controllers: [config.METRICS_PUBLIC ? PublicMetricsController : MetricsController, TimelineController],
      providers: [
        MetricsRegistry,
        QueueLabels,
        CountsCache,
        TaskMetrics,
        StoreMetrics,
        HttpMetrics,
        ServiceMetrics,
        MetricsFeed,
        Timeline,
        History,
      ],
      exports: [MetricsRegistry, CountsCache, Timeline, History],
    };
  }

  onModuleInit(): void {
    this.service.watchProcess();
    this.store.timeWrites();
    observeRequests(this.host, (served) => {
      this.http.record(served);
    });
  }
}
