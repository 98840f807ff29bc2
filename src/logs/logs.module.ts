import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { QueueModule } from '../queue/queue.module.js';
import { LogFollowers } from './log-followers.js';
import { LogReplies } from './log-replies.js';
import { LogStreams } from './log-stream.js';
import { LogWaiters } from './log-waiters.js';
import { LogService } from './log.service.js';
import { LogsController } from './logs.controller.js';

/** The logs of attempts. Needs `TaskStore`, `Config` and `Parking` from global modules. */
@Module({
  imports: [AuthModule, QueueModule],
  controllers: [LogsController],
  providers: [LogService, LogFollowers, LogWaiters, LogStreams, LogReplies],
  exports: [LogService, LogReplies],
})
export class LogsModule {}
