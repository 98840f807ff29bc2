import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { BulkController } from './bulk.controller.js';
import { CallbackRule } from './callback-rule.js';
import { ClaimService } from './claim.service.js';
import { ClockMonitor } from './clock-monitor.js';
import { DepthGate } from './depth-gate.js';
import { DueSweeper } from './due-sweeper.js';
import { EndingsBoard } from './endings-board.js';
import { FinishWaiters } from './finish-waiters.js';
import { OutageJudge } from './outage-judge.js';
import { Enqueuer } from './enqueuer.js';
import { QueueService } from './queue.service.js';
import { SettingsCache } from './settings-cache.js';
import { StatusController } from './status.controller.js';
import { StatusService } from './status.service.js';
import { SteeringController } from './steering.controller.js';
import { SteeringService } from './steering.service.js';
import { TaskChangerModule } from './task-changer.module.js';
import { TasksController } from './tasks.controller.js';
import { WaitingRoom } from './waiting-room.js';
import { WorkController } from './work.controller.js';
import { WorkService } from './work.service.js';

/** The queue itself. Needs `TaskStore`, `Config` and `HttpLimits` from global modules. */
@Module({
  imports: [AuthModule, TaskChangerModule],
  controllers: [WorkController, BulkController, SteeringController, TasksController, StatusController],
  providers: [
    CallbackRule,
    Enqueuer,
    QueueService,
    ClaimService,
    WorkService,
    SteeringService,
    StatusService,
    WaitingRoom,
    FinishWaiters,
    SettingsCache,
    DepthGate,
    DueSweeper,
    EndingsBoard,
    OutageJudge,
    ClockMonitor,
  ],
  exports: [
    CallbackRule,
    EndingsBoard,
    OutageJudge,
    Enqueuer,
    SettingsCache,
    QueueService,
    StatusService,
    SteeringService,
    WaitingRoom,
    WorkService,
  ],
})
export class QueueModule {}
