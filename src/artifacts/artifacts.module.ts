import { Module } from '@nestjs/common';
import { QueueModule } from '../queue/queue.module.js';
import { ArtifactBook } from './artifact-book.js';
import { ArtifactDownloads } from './artifact-downloads.js';
import { ArtifactMetrics } from './artifact-metrics.js';
import { ArtifactService } from './artifact.service.js';
import { ArtifactSpace } from './artifact-space.js';
import { ArtifactSweeper } from './artifact-sweeper.js';
import { ArtifactsController } from './artifacts.controller.js';
import { ArtifactStorage } from './artifact-storage.js';

/** The artifacts of tasks. Needs `TaskStore`, `DocumentStore`, `Clock`, `Config` and `MetricsRegistry` from global modules. */
@Module({
  imports: [QueueModule],
  controllers: [ArtifactsController],
  providers: [
    ArtifactBook,
    ArtifactDownloads,
    ArtifactMetrics,
    ArtifactService,
    ArtifactSpace,
    ArtifactSweeper,
    ArtifactStorage,
  ],
  exports: [ArtifactDownloads, ArtifactService],
})
export class ArtifactsModule {}
