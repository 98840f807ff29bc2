import { Controller, Get, HttpCode, Param, type PipeTransform, Post, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Roles } from '../auth/access.decorators.js';
import type { Principal } from '../auth/principal.js';
import { cursorAt, numberOf } from '../http/cursor.js';
import { apiHeaders } from '../http/api-headers.js';
import { ApiProblems, WITH_BODY, WITH_KEY, WITH_QUERY } from '../http/api-problems.decorator.js';
import { JsonBody } from '../http/json-body.decorator.js';
import { nextLink } from '../http/next-link.js';
import { ProblemError } from '../http/problem.error.js';
import { QueryParams } from '../http/query.decorator.js';
import { sendJson } from '../http/raw-reply.js';
import { TakesNoQuery } from '../http/takes-nothing.decorator.js';
import { BATCH_ID } from '../queue/dto/limits.js';
import { callerOf } from '../queue/http-caller.js';
import { visibleQueues } from '../queue/queue-access.js';
import { isDone } from './batch.js';
import { BatchService } from './batch.service.js';
import { batchView } from './batch.view.js';
import { BatchWatch } from './batch.watch.js';
import { BatchCancelDto, BatchListQuery, BatchQuery, BatchRedriveDto } from './dto/batch.dto.js';
import { BATCH_CANCEL, BATCH_LIST, BATCH_REDRIVE, BATCH_SHOWN } from './dto/batch.examples.js';
import { BatchList, BatchStatus, CancelledBatch, RedrivenBatch } from './dto/batch.response.js';

const ID = {
  name: 'batch_id',
  description: 'The name of the batch',
  schema: { type: 'string', pattern: BATCH_ID.source },
  example: 'run-8',
};

/** What no batch can be called is not looked up, and not repeated in an answer. */
class BatchIdPipe implements PipeTransform<string, string> {
  transform(id: string): string {
    if (!BATCH_ID.test(id)) throw new ProblemError('batch_not_found', 'There is no such batch');
    return id;
  }
}

function BatchId(): ParameterDecorator {
  return Param('batch_id', new BatchIdPipe());
}

/** Tasks that belong together. */
@ApiTags('batches')
@Controller('batches')
export class BatchesController {
  constructor(
    private readonly batches: BatchService,
    private readonly watch: BatchWatch,
  ) {}

  @Get()
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({
    operationId: 'listBatches',
    summary: 'List batches, newest first',
    description:
      'Those that were enqueued by `POST /tasks/batch`. A key that is for some queues only sees and counts the tasks ' +
      'of those, here and below.',
  })
  @ApiOkResponse({
    type: BatchList,
    description: 'A page of batches',
    headers: apiHeaders('Link'),
    examples: BATCH_LIST,
  })
  @ApiProblems(...WITH_KEY, ...WITH_QUERY, 'store_unavailable')
  async list(
    @QueryParams(BatchListQuery) { limit, cursor }: BatchListQuery,
    @CurrentPrincipal() principal: Principal,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const before = numberOf('batches', cursor);
    const queues = visibleQueues(principal, undefined);
    const { batches, next } = await this.batches.list(limit, { before, queues });
    const nextCursor = next === undefined ? null : cursorAt('batches', next);
    const headers = nextCursor === null ? undefined : { Link: nextLink(request.url, nextCursor) };
    const text = JSON.stringify({ batches: batches.map(batchView), next_cursor: nextCursor });
    sendJson(response, 200, text, headers);
  }

  @Get(':batch_id')
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({
    operationId: 'getBatch',
    summary: 'Count the tasks of a batch, or wait for its end',
    description:
      'With `wait`, the answer comes when each of its tasks has ended, or as it is when the time is over.',
  })
  @ApiParam(ID)
  @ApiOkResponse({ type: BatchStatus, description: 'The batch as it is now', examples: BATCH_SHOWN })
  @ApiProblems(...WITH_KEY, ...WITH_QUERY, 'batch_not_found', 'too_many_waiters', 'store_unavailable')
  async find(
    @BatchId() id: string,
    @QueryParams(BatchQuery) { wait }: BatchQuery,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const queues = visibleQueues(principal, undefined);
    let found = await this.batches.find(id, queues);
    if (wait > 0 && !isDone(found.counts)) {
      const caller = callerOf(response);
      await this.watch.untilDone(id, wait, caller);
      caller.requireEntry();
      found = await this.batches.find(id, queues);
    }
    sendJson(response, 200, JSON.stringify(batchView(found)));
  }

  @Post(':batch_id/cancel')
  @HttpCode(200)
  @TakesNoQuery()
  @Roles('producer')
  @ApiOperation({
    operationId: 'cancelBatch',
    summary: 'Stop all tasks of a batch',
    description: 'Those that are held, too: their leases end at once. What has ended stays as it is.',
  })
  @ApiParam(ID)
  @ApiOkResponse({ type: CancelledBatch, description: 'They have ended', examples: BATCH_CANCEL.cancelled })
  @ApiProblems(...WITH_KEY, ...WITH_BODY, 'batch_not_found', 'store_unavailable')
  async cancel(
    @BatchId() id: string,
    @JsonBody(BatchCancelDto, BATCH_CANCEL.requests) { reason }: BatchCancelDto,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const queues = visibleQueues(principal, undefined);
    await this.batches.find(id, queues);
    const count = await this.batches.cancel(id, reason, queues);
    sendJson(response, 200, JSON.stringify({ batch_id: id, tasks_cancelled: count }));
  }

  @Post(':batch_id/redrive')
  @HttpCode(200)
  @TakesNoQuery()
  @Roles('producer')
  @ApiOperation({
    operationId: 'redriveBatch',
    summary: 'Give the dead letters of a batch back to their queues',
    description: 'Each gets fresh budgets and its old place by age.',
  })
  @ApiParam(ID)
  @ApiOkResponse({ type: RedrivenBatch, description: 'They wait again', examples: BATCH_REDRIVE.redriven })
  @ApiProblems(...WITH_KEY, ...WITH_BODY, 'batch_not_found', 'store_unavailable')
  async redrive(
    @BatchId() id: string,
    @JsonBody(BatchRedriveDto, BATCH_REDRIVE.requests) { outcome }: BatchRedriveDto,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const queues = visibleQueues(principal, undefined);
    await this.batches.find(id, queues);
    const count = await this.batches.redrive(id, outcome, queues);
    sendJson(response, 200, JSON.stringify({ batch_id: id, tasks_redriven: count }));
  }
}
