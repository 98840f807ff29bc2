import { Controller, Get, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Response } from 'express';
import { ArtifactDownloads } from '../../artifacts/artifact-downloads.js';
import { ArtifactName } from '../../artifacts/artifact-name.decorator.js';
import { CurrentPrincipal, Public } from '../../auth/access.decorator.js';
import type { Principal } from '../../auth/principal.js';
import { ProblemError } from '../../http/problem.error.js';
import { EvalId } from '../../queue/eval-id.decorator.js';
import { requireVisible, seesPayloads } from '../../queue/queue-access.js';
import { QueueService } from '../../queue/queue.service.js';
import { DashboardFilter } from '../dashboard.filter.js';
import { SessionGuard } from '../session/session.guard.js';

/** Downloads of artifacts, by session. */
@ApiExcludeController()
@Controller('dashboard/tasks/:eval_id/artifacts')
@Public()
@UseGuards(SessionGuard)
@UseFilters(DashboardFilter)
export class DashboardArtifactsController {
  constructor(
    private readonly downloads: ArtifactDownloads,
    private readonly queue: QueueService,
  ) {}

  @Get(':name')
  async download(
    @EvalId() id: string,
    @ArtifactName() name: string,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const task = requireVisible(principal, await this.queue.find(id));
    if (!seesPayloads(principal)) throw new ProblemError('forbidden', 'Viewers do not see artifacts');
    await this.downloads.send(task, name, response);
  }
}
