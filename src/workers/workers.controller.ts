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
import { CurrentPrincipal, Roles } from '../auth/access.decorators.js';
import type { Principal } from '../auth/principal.js';
import { ApiProblems, WITH_KEY, WITH_QUERY } from '../http/api-problems.decorator.js';
import { ProblemError } from '../http/problem.error.js';
import { sendJson } from '../http/raw-reply.js';
import { TakesNoBody, TakesNoQuery } from '../http/takes-nothing.decorator.js';
import { WORKER_ID } from '../queue/dto/limits.js';
import { isoTime } from '../queue/task.view.js';
import { DRAINED, LEFT, RESUMED, WORKERS } from './dto/worker.examples.js';
import { ListedWorker, WorkerList, WorkerStatus } from './dto/worker.response.js';
import { type KnownWorker, WorkerService } from './worker.service.js';

const ID = {
  name: 'worker_id',
  description: 'The name of the worker, as it gives it',
  schema: { type: 'string', pattern: WORKER_ID.source },
  example: 'worker-1',
};
const MAX_NAMED = 100;

/** What no worker can be called is not looked up, and not repeated in an answer. */
class WorkerIdPipe implements PipeTransform<string, string> {
  transform(id: string): string {
    if (!WORKER_ID.test(id)) throw new ProblemError('worker_not_found', 'There is no such worker');
    return id;
  }
}

/** A call about one worker, with nothing but its name. */
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

/** Who works, and who is to stop. */
@ApiTags('workers')
@Controller('workers')
export class WorkersController {
  constructor(private readonly workers: WorkerService) {}

  @Get()
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({
    operationId: 'listWorkers',
    summary: 'List the workers that were seen lately',
    description:
      'A worker is who gives a `worker_id`. Its `state` tells whether it works; one that holds nothing is forgotten when ' +
      'it was not heard for WORKER_FORGET_SECONDS. A key that is for some queues only sees the workers and the tasks of ' +
      'those.',
  })
  @ApiOkResponse({ type: WorkerList, description: 'All of them', examples: WORKERS })
  @ApiProblems(...WITH_KEY, 'store_unavailable')
  async list(@CurrentPrincipal() principal: Principal, @Res() response: Response): Promise<void> {
    const workers = await this.workers.list(principal);
    sendJson(response, 200, JSON.stringify({ workers: workers.map(workerView) }));
  }

  @PostToWorker('drain')
  @Roles('admin')
  @ApiOperation({
    operationId: 'drainWorker',
    summary: 'Give a worker nothing more, and tell it so',
    description:
      'Its next heartbeat or claim is answered with `command: "drain"`, and `GET /tasks/next` with the header ' +
      '`X-Worker-Command: drain`. It may finish what it holds. Every process knows within two seconds.',
  })
  @ApiOkResponse({ type: WorkerStatus, description: 'It drains', examples: DRAINED })
  async drain(@Param('worker_id', new WorkerIdPipe()) id: string, @Res() response: Response): Promise<void> {
    await this.workers.drain(id);
    sendJson(response, 200, JSON.stringify({ worker_id: id, status: 'draining' }));
  }

  @PostToWorker('resume')
  @Roles('admin')
  @ApiOperation({
    operationId: 'resumeWorker',
    summary: 'Give a drained worker tasks again',
    description:
      'For a worker that comes back under its old name. One that stays away is forgotten by itself.',
  })
  @ApiOkResponse({ type: WorkerStatus, description: 'It is active', examples: RESUMED })
  async resume(@Param('worker_id', new WorkerIdPipe()) id: string, @Res() response: Response): Promise<void> {
    await this.workers.resume(id);
    sendJson(response, 200, JSON.stringify({ worker_id: id, status: 'active' }));
  }

  @PostToWorker('leave')
  @Roles('worker')
  @ApiOperation({
    operationId: 'leaveWorker',
    summary: 'Say that a worker has ended',
    description:
      'It is `gone` at once, for every process. What it still holds is left to its leases: release that first. May be ' +
      'repeated. When it claims, beats or reports again under this name, it is back.',
  })
  @ApiOkResponse({ type: ListedWorker, description: 'It is gone', examples: LEFT })
  async leave(
    @Param('worker_id', new WorkerIdPipe()) id: string,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    sendJson(response, 200, JSON.stringify(workerView(await this.workers.leave(id, principal))));
  }
}

function workerView(worker: KnownWorker): ListedWorker {
  const { id, state, isDraining, firstSeen, lastSeen, queues, held, ...counts } = worker;
  return {
    worker_id: id,
    state,
    status: isDraining ? 'draining' : 'active',
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
