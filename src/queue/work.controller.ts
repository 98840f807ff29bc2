import { Controller, Get, HttpCode, Post, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { ChangesSomething, CurrentPrincipal, LeaseCredential, Roles } from '../auth/access.decorator.js';
import { effectiveLeaseId } from '../auth/lease-credential.js';
import type { Principal } from '../auth/principal.js';
import { apiHeaders } from '../http/api-headers.js';
import { ApiProblems, WITH_BODY, WITH_KEY, WITH_QUERY } from '../http/api-problems.decorator.js';
import { HotRoute } from '../http/hot-routes.js';
import { JsonBody } from '../http/json-body.decorator.js';
import { NoHead } from '../http/no-head.decorator.js';
import { invalidRequest } from '../http/dto-reader.js';
import type { FieldProblem } from '../http/problem.error.js';
import { QueryParams } from '../http/query.decorator.js';
import { sendJson } from '../http/raw-reply.js';
import type { Task } from '../task/task.js';
import { type Claim, ClaimService } from './claim.service.js';
import { EVAL_ID_PARAMETER } from './dto/field-docs.js';
import { NextQuery } from './dto/query.dto.js';
import { CLAIM, CLAIM_NEXT, COMPLETE, FAIL, HEARTBEAT, RELEASE } from './dto/task.examples.js';
import { TaskStatus } from './dto/task.response.js';
import { ClaimDto, CompleteDto, FailDto, HeartbeatDto, ReleaseDto } from './dto/work.dto.js';
import { ClaimedTask, ClaimedTasks, KeptLease } from './dto/work.response.js';
import { LIMITS } from './dto/limits.js';
import { EvalId } from './eval-id.decorator.js';
import { callerOf } from './http-caller.js';
import { readLabels } from './labels-reader.js';
import { requiredLease, underLease } from './lease-access.js';
import { claimScopeOf, guardFor, requireQueues } from './queue-access.js';
import { namesIn, orderOf } from './queue-choice.js';
import { claimedListText, claimedText, heartbeatView } from './task.view.js';
import { type SavingHeartbeat, WorkService } from './work.service.js';
import { WorkerActivity } from './worker-activity.js';

/** The problems of a call under the lease of a task. */
const UNDER_A_LEASE = [
  ...WITH_KEY,
  ...WITH_BODY,
  'task_not_found',
  'task_damaged',
  'lease_lost',
  'lease_required',
  'store_unavailable',
] as const;
/** The problems of a report that ends an attempt. */
const OF_A_RESULT = [
  ...WITH_KEY,
  ...WITH_BODY,
  'task_not_found',
  'task_damaged',
  'lease_lost',
  'task_ended',
  'not_claimed',
  'lease_required',
  'store_unavailable',
] as const;

@ApiTags('work')
@Controller('tasks')
export class WorkController {
  constructor(
    private readonly claims: ClaimService,
    private readonly work: WorkService,
    private readonly workers: WorkerActivity,
  ) {}

  @Get('next')
  @HotRoute()
  @NoHead()
  @ChangesSomething()
  @Roles('worker')
  @ApiOperation({
    operationId: 'claimNextTask',
    summary: 'Claim the next task, or null when no task is ready',
    description:
      'This GET changes state: it leases the task to the caller. It is never cached and never answered with 304. ' +
      'HEAD and pages of other origins are refused. If the caller disconnects before the response is written, the ' +
      'task returns to the queue.',
  })
  @ApiOkResponse({
    type: ClaimedTask,
    nullable: true,
    description: 'The task, or the JSON value `null`',
    headers: apiHeaders('X-Worker-Command'),
    examples: CLAIM_NEXT,
  })
  @ApiProblems(...WITH_KEY, ...WITH_QUERY, 'too_many_waiters', 'store_unavailable', 'draining')
  async next(
    @QueryParams(NextQuery) query: NextQuery,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    requireQueues(principal, query.queue);
    const claim = { queues: query.queue, maxTasks: 1, wait: query.wait, workerId: query.worker_id };
    const [claimed] = await this.claims.claim(claim, callerOf(response));
    const isDraining = this.workers.isDraining(query.worker_id);
    const headers = isDraining ? { 'X-Worker-Command': 'drain' } : undefined;
    sendJson(response, 200, claimed === undefined ? 'null' : claimedText(claimed), headers);
  }

  @Post('claim')
  @HotRoute()
  @HttpCode(200)
  @Roles('worker')
  @ApiOperation({
    operationId: 'claimTasks',
    summary: 'Claim several tasks',
    description:
      'Answers as soon as at least one task is ready. Repeat a call whose answer was lost with the same ' +
      '`claim_id`: the answer has the tasks that the first call claimed and still holds.',
  })
  @ApiOkResponse({
    type: ClaimedTasks,
    description: 'The claimed tasks',
    examples: CLAIM.claimed,
  })
  @ApiProblems(...WITH_KEY, ...WITH_BODY, 'too_many_waiters', 'store_unavailable', 'draining')
  async claim(
    @JsonBody(ClaimDto, CLAIM.requests) dto: ClaimDto,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    requireQueues(principal, namesIn(dto.queues));
    const claimed = await this.claims.claim(claimOf(dto, principal), callerOf(response));
    sendJson(response, 200, claimedListText(claimed, this.workers.commandFor(dto.worker_id)));
  }

  @Post(':eval_id/heartbeat')
  @HotRoute()
  @HttpCode(200)
  @Roles('worker')
  @LeaseCredential()
  @ApiOperation({
    operationId: 'heartbeatTask',
    summary: 'Extend a lease and report progress',
    description: 'On `lease_lost`, stop the work at once: the worker no longer holds the task.',
  })
  @ApiParam(EVAL_ID_PARAMETER)
  @ApiOkResponse({ type: KeptLease, description: 'The lease is extended', examples: HEARTBEAT.kept })
  @ApiProblems(...UNDER_A_LEASE)
  async heartbeat(
    @EvalId() id: string,
    @JsonBody(HeartbeatDto, HEARTBEAT.requests) dto: HeartbeatDto,
    @CurrentPrincipal() principal: Principal,
  ): Promise<KeptLease> {
    const beat = beatOf(dto, requiredLease(principal, dto.lease_id));
    const task = await underLease(principal, this.work.heartbeat(id, beat, guardFor(principal)), id);
    return heartbeatView(task, this.workers.beat(task.lease.workerId));
  }

  @Post(':eval_id/complete')
  @HotRoute()
  @HttpCode(200)
  @Roles('worker')
  @LeaseCredential()
  @ApiOperation({
    operationId: 'completeTask',
    summary: 'Report success',
    description:
      'Safe to repeat: a completed task gets the same answer again. Without a `lease_id` the service accepts the ' +
      'report from any worker, unless `REQUIRE_LEASE_ID` is set.',
  })
  @ApiParam(EVAL_ID_PARAMETER)
  @ApiOkResponse({ type: TaskStatus, description: 'The task has ended', examples: COMPLETE.finished })
  @ApiProblems(...OF_A_RESULT)
  async complete(
    @EvalId() id: string,
    @JsonBody(CompleteDto, COMPLETE.requests) dto: CompleteDto,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const leaseId = effectiveLeaseId(principal, dto.lease_id);
    const result = { status: 'completed' as const, leaseId, output: dto.output?.text };
    const task = await underLease(principal, this.work.finish(id, result, guardFor(principal)), id);
    sendJson(response, 200, finishedText(task));
  }

  @Post(':eval_id/fail')
  @HotRoute()
  @HttpCode(200)
  @Roles('worker')
  @LeaseCredential()
  @ApiOperation({
    operationId: 'failTask',
    summary: 'Report failure',
    description:
      'With attempts left, the task is `delayed` by its backoff or by `retry_after`. With none left it is ' +
      '`failed`, a dead letter. Safe to repeat.',
  })
  @ApiParam(EVAL_ID_PARAMETER)
  @ApiOkResponse({ type: TaskStatus, description: 'The attempt has ended', examples: FAIL.finished })
  @ApiProblems(...OF_A_RESULT)
  async fail(
    @EvalId() id: string,
    @JsonBody(FailDto, FAIL.requests) dto: FailDto,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const leaseId = effectiveLeaseId(principal, dto.lease_id);
    const report = this.work.finish(id, failureOf(dto, leaseId), guardFor(principal));
    const task = await underLease(principal, report, id);
    sendJson(response, 200, finishedText(task));
  }

  @Post(':eval_id/release')
  @HotRoute()
  @HttpCode(200)
  @Roles('worker')
  @LeaseCredential()
  @ApiOperation({
    operationId: 'releaseTask',
    summary: 'Release a task unfinished',
    description: 'The task returns to its old place in the queue, or waits for `delay`. It spends no budget.',
  })
  @ApiParam(EVAL_ID_PARAMETER)
  @ApiOkResponse({
    type: TaskStatus,
    description: 'The task is queued or delayed again',
    examples: RELEASE.released,
  })
  @ApiProblems(...UNDER_A_LEASE)
  async release(
    @EvalId() id: string,
    @JsonBody(ReleaseDto, RELEASE.requests) dto: ReleaseDto,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const leaseId = requiredLease(principal, dto.lease_id);
    const { delay, reason, cause, checkpoint } = dto;
    const given = { leaseId, delay, reason, cause, checkpoint: checkpoint?.text };
    const task = await underLease(principal, this.work.release(id, given, guardFor(principal)), id);
    sendJson(response, 200, finishedText(task));
  }
}

/** @throws ProblemError `invalid_request` for malformed labels */
export function claimOf(dto: ClaimDto, principal: Principal): Claim {
  const problems: FieldProblem[] = [];
  const labels = readLabels(dto.labels, { pointer: '/labels', most: LIMITS.labels }, problems);
  if (problems.length > 0) throw invalidRequest(problems);
  return {
    queues: orderOf(dto.queues),
    maxTasks: dto.max_tasks,
    wait: dto.wait,
    workerId: dto.worker_id,
    claimId: dto.claim_id,
    scope: dto.claim_id === undefined ? undefined : claimScopeOf(principal),
    lease: dto.lease,
    labels,
  };
}

export function beatOf(
  { extend, progress, checkpoint }: Omit<HeartbeatDto, 'lease_id'>,
  leaseId: string,
): SavingHeartbeat {
  return { leaseId, extend, progress, checkpoint: checkpoint?.text };
}

export function failureOf(dto: FailDto, leaseId: string | undefined) {
  return {
    status: 'failed' as const,
    leaseId,
    error: dto.error,
    exitCode: dto.exit_code,
    isRetryable: dto.retryable,
    retryAfter: dto.retry_after,
    outcome: dto.outcome,
    cause: dto.cause,
    checkpoint: dto.checkpoint?.text,
  };
}

function finishedText(task: Task): string {
  return JSON.stringify({ eval_id: task.spec.id, status: task.state });
}
