import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { ArtifactsModule } from './artifacts/artifacts.module.js';
import { AuthModule } from './auth/auth.module.js';
import { BatchesModule } from './batches/batches.module.js';
import type { Config } from './config/config.js';
import { ConfigModule } from './config/config.module.js';
import { DashboardModule } from './dashboard/dashboard.module.js';
import { DocsModule } from './docs/docs.module.js';
import { EventStreamModule } from './events/event-stream.module.js';
import { EventsModule } from './events/events.module.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { LogsModule } from './logs/logs.module.js';
import { LoggingModule } from './logging/logging.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { ParkingModule } from './queue/parking.module.js';
import { QueueModule } from './queue/queue.module.js';
import { QueuesModule } from './queue-admin/queues.module.js';
import { SchedulesModule } from './schedules/schedules.module.js';
import { StorageModule } from './storage/storage.module.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';
import type { Clock } from './task/clock.js';
import { TracingModule } from './tracing/tracing.module.js';
import { WorkersModule } from './workers/workers.module.js';

@Module({})
export class AppModule {
  /**
   * @param clock replaces the system clock in tests
   * @param extensions the modules that `EXTENSIONS` names
   */
  static forRoot(config: Config, clock?: Clock, extensions: readonly Type[] = []): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(config),
        StorageModule.forRoot(clock),
        HttpModule,
        AuthModule,
        EventsModule,
        EventStreamModule,
        ParkingModule,
        QueueModule,
        ArtifactsModule,
        QueuesModule,
        BatchesModule,
        SchedulesModule,
        WorkersModule,
        WebhooksModule,
        HealthModule,
        MetricsModule.forRoot(config),
        LogsModule,
        LoggingModule,
        TracingModule,
        DocsModule,
        DashboardModule,
        ...extensions,
      ],
    };
  }
}
