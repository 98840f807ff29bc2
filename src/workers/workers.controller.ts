import {
  applyDecorators,
  Controller,
  Get,
  HttpCode,
  Param,
  type PipeTransform,
  Post,
  Res,
} from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentPrincipal, Roles } from '../auth/access.decorator.js';
import type { Principal } from '../auth/principal.js';
import { ApiProblems, WITH_KEY, WITH_QUERY } from '../http/api-problems.decorator.js';
import { ProblemError } from '../http/problem.error.js';
import { sendJsonParts } from '../http/raw-reply.js';
import { TakesNoBody, TakesNoQuery } from '../http/takes-nothing.decorator.js';
import { turns } from '../http/turns.js';
import { WORKER_ID } from '../queue/dto/limits.js';
import { isoTime } from '../queue/task.view.js';
import { DRAINED, LEFT, RESUMED, WORKERS } from './dto/worker.examples.js';
import { ListedWorker, WorkerList, WorkerStatus } from './dto/worker.response.js';
import { type KnownWorker, WorkerService } from './worker.service.js';

const ID = {
  name: 'worker_id',
  description: 'The id of the worker',
  schema: { type: 'string', pattern: WORKER_ID.source },
  example: 'worker-1',
};
const MAX_NAMED = 100;

/** Rejects a malformed worker id without a lookup and without repeating it in the answer. */
class WorkerIdPipe implements PipeTransform<string, string> {
  transform(id: string): string {
    if (!WORKER_ID.test(id)) throw new ProblemError('worker_not_found', 'There is no such worker');
    return id;
  }
}

/** A call that takes only the id of a worker. */
function PostToWorker(verb: string): MethodDecorator {
  return applyDecorators(
    Post(`:worker_id/${verb}`),
    HttpCode(200),
    TakesNoQuery(),
    TakesNoBody(),
    ApiParam(ID),
    ApiProblems(
      ...WITH_KEY,
      ...WITH_QUERY,
      'request_timeout',
      'too_large',
      'worker_not_found',
      'store_unavailable',
    ),
  );
}

@ApiTags('workers')
@Controller('workers')
export class WorkersController {
  constructor(private readonly workers: WorkerService) {}

  @Get()
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({
    operationId: 'listWorkers',
    summary: 'List workers',
    description:
      'Lists every worker that sent a `worker_id`. A worker without tasks leaves the list WORKER_FORGET_SECONDS ' +
      'after the service last heard from it. A key for some queues sees only the workers and tasks of those.',
  })
  @ApiOkResponse({ type: WorkerList, description: 'The workers', examples: WORKERS })
  @ApiProblems(...WITH_KEY, 'store_unavailable')
  async list(@CurrentPrincipal() principal: Principal, @Res() response: Response): Promise<void> {
    const workers = await this.workers.list(principal);
    const parts = await turns.listed(workers, (each) => JSON.stringify(workerView(each)));
    sendJsonParts(response, [Buffer.from('{"workers":['), ...parts, Buffer.from(']}')]);
  }

  @PostToWorker('drain')
  @Roles('admin')
  @ApiOperation({
    operationId: 'drainWorker',
    summary: 'Drain a worker',
    description:
      'Its next heartbeat or claim gets `command: "drain"`, and `GET /tasks/next` gets the header ' +
      '`X-Worker-Command: drain`. The worker finishes what it holds. Other processes know it within two seconds.',
  })
  @ApiOkResponse({ type: WorkerStatus, description: 'The worker is draining', examples: DRAINED })
  async drain(@Param('worker_id', new WorkerIdPipe()) id: string): Promise<WorkerStatus> {
    await this.workers.drain(id);
    return { worker_id: id, status: 'draining' };
  }

  @PostToWorker('resume')
  @Roles('admin')
  @ApiOperation({
    operationId: 'resumeWorker',
    summary: 'Resume a drained or quarantined worker',
    description:
      'For a drained worker that returns under its old name, or a quarantined one that is repaired.',
  })
  @ApiOkResponse({ type: WorkerStatus, description: 'The worker is active', examples: RESUMED })
  async resume(@Param('worker_id', new WorkerIdPipe()) id: string): Promise<WorkerStatus> {
    await this.workers.resume(id);
    return { worker_id: id, status: 'active' };
  }

  @PostToWorker('leave')
  @Roles('worker')
  @ApiOperation({
    operationId: 'leaveWorker',
    summary: 'Sign off a worker',
    description:
      'The worker is `gone` at once, for every process. Release its tasks first: this call does not end leases. ' +
      'Safe to repeat. Its next claim, heartbeat or report brings it back.',
  })
  @ApiOkResponse({ type: ListedWorker, description: 'The worker is gone', examples: LEFT })
  async leave(
    @Param('worker_id', new WorkerIdPipe()) id: string,
    @CurrentPrincipal() principal: Principal,
  ): Promise<ListedWorker> {
    return workerView(await this.workers.leave(id, principal));
  }
}

function workerView(worker: KnownWorker): ListedWorker {
  const { id, state, isDraining, quarantine, firstSeen, lastSeen, queues, held, ...counts } = worker;
  return {
    worker_id: id,
    state,
    status: isDraining ? 'draining' : 'active',
    quarantine:
      quarantine === undefined ? null : { since: isoTime(quarantine.since), reason: quarantine.reason },
    first_seen_at: isoTime(firstSeen),
    last_seen_at: isoTime(lastSeen),
    queues,
    held_tasks: held.slice(0, MAX_NAMED).map((task) => task.id),
    held: held.length,
    completed: counts.completed,
    failed: counts.failed,
    lost: counts.lost,
  };
}
