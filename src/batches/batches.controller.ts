import { Controller, Get, HttpCode, Param, type PipeTransform, Post, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Roles } from '../auth/access.decorator.js';
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
import { BatchChecker } from './batch-checker.js';
import { BatchCancelDto, BatchListQuery, BatchQuery, BatchRedriveDto } from './dto/batch.dto.js';
import { BATCH_CANCEL, BATCH_LIST, BATCH_REDRIVE, BATCH_SHOWN } from './dto/batch.examples.js';
import { BatchList, BatchStatus, CancelledBatch, RedrivenBatch } from './dto/batch.response.js';

const ID = {
  name: 'batch_id',
  description: 'The id of the batch',
  schema: { type: 'string', pattern: BATCH_ID.source },
  example: 'run-8',
};

/** Rejects a malformed batch id without a lookup and without repeating it in the answer. */
class BatchIdPipe implements PipeTransform<string, string> {
  transform(id: string): string {
    if (!BATCH_ID.test(id)) throw new ProblemError('batch_not_found', 'There is no such batch');
    return id;
  }
}

function BatchId(): ParameterDecorator {
  return Param('batch_id', new BatchIdPipe());
}

@ApiTags('batches')
@Controller('batches')
export class BatchesController {
  constructor(
    private readonly batches: BatchService,
    private readonly checker: BatchChecker,
  ) {}

  @Get()
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({
    operationId: 'listBatches',
    summary: 'List batches, newest first',
    description:
      'Lists batches made by `POST /tasks/batch`. A key for some queues sees and counts only their tasks, here ' +
      'and below.',
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
    const headers = nextCursor === null ? undefined : { Link: nextLink(request, nextCursor) };
    const text = JSON.stringify({ batches: batches.map(batchView), next_cursor: nextCursor });
    sendJson(response, 200, text, headers);
  }

  @Get(':batch_id')
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({
    operationId: 'getBatch',
    summary: 'Count the tasks of a batch, or wait for its end',
    description:
      'With `wait`, the service answers when each of its tasks has ended, or with the current counts when the wait is over. ' +
      'For a key for some queues, only the tasks in those count.',
  })
  @ApiParam(ID)
  @ApiOkResponse({ type: BatchStatus, description: 'The current state of the batch', examples: BATCH_SHOWN })
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
      await this.checker.untilDone(id, { wait, queues }, caller);
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
    summary: 'Cancel all tasks of a batch',
    description: 'Also cancels held tasks and ends their leases at once. Ended tasks do not change.',
  })
  @ApiParam(ID)
  @ApiOkResponse({
    type: CancelledBatch,
    description: 'The tasks are cancelled',
    examples: BATCH_CANCEL.cancelled,
  })
  @ApiProblems(...WITH_KEY, ...WITH_BODY, 'batch_not_found', 'store_unavailable')
  async cancel(
    @BatchId() id: string,
    @JsonBody(BatchCancelDto, BATCH_CANCEL.requests) { reason, cause }: BatchCancelDto,
    @CurrentPrincipal() principal: Principal,
  ): Promise<CancelledBatch> {
    const queues = visibleQueues(principal, undefined);
    await this.batches.find(id, queues);
    const count = await this.batches.cancel(id, { reason, cause, queues });
    return { batch_id: id, tasks_cancelled: count };
  }

  @Post(':batch_id/redrive')
  @HttpCode(200)
  @TakesNoQuery()
  @Roles('producer')
  @ApiOperation({
    operationId: 'redriveBatch',
    summary: 'Redrive the dead letters of a batch',
    description: 'Each task gets fresh budgets and its old place by age.',
  })
  @ApiParam(ID)
  @ApiOkResponse({
    type: RedrivenBatch,
    description: 'The tasks are queued again',
    examples: BATCH_REDRIVE.redriven,
  })
  @ApiProblems(...WITH_KEY, ...WITH_BODY, 'batch_not_found', 'store_unavailable')
  async redrive(
    @BatchId() id: string,
    @JsonBody(BatchRedriveDto, BATCH_REDRIVE.requests) { outcome, cause, reset }: BatchRedriveDto,
    @CurrentPrincipal() principal: Principal,
  ): Promise<RedrivenBatch> {
    const queues = visibleQueues(principal, undefined);
    await this.batches.find(id, queues);
    const count = await this.batches.redrive(id, { outcome, cause, isReset: reset, queues });
    return { batch_id: id, tasks_redriven: count };
  }
}
