import { Module } from '@nestjs/common';
import { ArtifactsModule } from '../artifacts/artifacts.module.js';
import { AuthModule } from '../auth/auth.module.js';
import { LogsModule } from '../logs/logs.module.js';
import { QueueModule } from '../queue/queue.module.js';
import { QueuesModule } from '../queue-admin/queues.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { SchedulesModule } from '../schedules/schedules.module.js';
import { AssetFiles } from './asset-files.js';
import { AuditLog } from './audit-log.js';
import { BulkActions } from './bulk-actions.js';
import { ActionsController } from './controllers/actions.controller.js';
import { DashboardArtifactsController } from './controllers/artifacts.controller.js';
import { DashboardBatchesController } from './controllers/batches.controller.js';
import { DashboardBulkController } from './controllers/bulk.controller.js';
import { EnqueueController } from './controllers/enqueue.controller.js';
import { DashboardLogsController } from './controllers/logs.controller.js';
import { PagesController } from './controllers/pages.controller.js';
import { QueueActionsController } from './controllers/queue-actions.controller.js';
import { QueuesController } from './controllers/queues.controller.js';
import { ScheduleActionsController } from './controllers/schedule-actions.controller.js';
import { DashboardSchedulesController } from './controllers/schedules.controller.js';
import { SessionController } from './controllers/session.controller.js';
import { DashboardWebhooksController } from './controllers/webhooks.controller.js';
import { DashboardWorkersController } from './controllers/workers.controller.js';
import { DeadLetters } from './dead-letters.js';
import { LiveStreams } from './live-streams.js';
import { PageSender } from './page-sender.js';
import { BatchPage } from './pages/batch.page.js';
import { BatchesPage } from './pages/batches.page.js';
import { BulkPage } from './pages/bulk.page.js';
import { DeadLettersPage } from './pages/dead-letters.page.js';
import { EnqueuePage } from './pages/enqueue.page.js';
import { EventsPage } from './pages/events.page.js';
import { OverviewPage } from './pages/overview.page.js';
import { QueuePage } from './pages/queue.page.js';
import { QueuesPage } from './pages/queues.page.js';
import { SchedulePage } from './pages/schedule.page.js';
import { SchedulesPage } from './pages/schedules.page.js';
import { TASK_PANE_PROVIDERS } from './pages/task/task-panes.js';
import { TaskPage } from './pages/task.page.js';
import { TasksPage } from './pages/tasks.page.js';
import { TimelinePart } from './pages/timeline-part.js';
import { WebhooksPage } from './pages/webhooks.page.js';
import { WorkerPage } from './pages/worker.page.js';
import { WorkersPage } from './pages/workers.page.js';
import { QueueHolds } from './queue-holds.js';
import { RecentTransitions } from './recent-transitions.js';
import { SessionSecret } from './session/session-secret.js';
import { Sessions } from './session/sessions.js';
import { SignOuts } from './session/sign-outs.js';
import { Suggestions } from './suggestions.js';
import { TaskSearch } from './task-search.js';

/** Pages on which operators see and control the queue. */
@Module({
  imports: [
    ArtifactsModule,
    AuthModule,
    LogsModule,
    QueueModule,
    QueuesModule,
    SchedulesModule,
    WebhooksModule,
  ],
  controllers: [
    SessionController,
    PagesController,
    DashboardArtifactsController,
    DashboardLogsController,
    ActionsController,
    DashboardBulkController,
    EnqueueController,
    QueuesController,
    QueueActionsController,
    DashboardWorkersController,
    DashboardBatchesController,
    DashboardWebhooksController,
    DashboardSchedulesController,
    ScheduleActionsController,
  ],
  providers: [
    AssetFiles,
    AuditLog,
    BulkActions,
    DeadLetters,
    LiveStreams,
    PageSender,
    QueueHolds,
    RecentTransitions,
    SessionSecret,
    SignOuts,
    Sessions,
    Suggestions,
    TaskSearch,
    OverviewPage,
    TimelinePart,
    QueuesPage,
    QueuePage,
    EnqueuePage,
    EventsPage,
    BatchesPage,
    WorkersPage,
    WorkerPage,
    BatchPage,
    WebhooksPage,
    SchedulePage,
    SchedulesPage,
    TasksPage,
    TaskPage,
    ...TASK_PANE_PROVIDERS,
    DeadLettersPage,
    BulkPage,
  ],
})
export class DashboardModule {}
