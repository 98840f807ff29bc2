import { Controller, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentPrincipal, LeaseCredential, Roles } from '../auth/access.decorators.js';
import { effectiveLeaseId } from '../auth/lease.credential.js';
import type { Principal } from '../auth/principal.js';
import { ApiProblems } from '../http/api-problems.decorator.js';
import { JsonBody } from '../http/json-body.decorator.js';
import { NoHead } from '../http/no-head.decorator.js';
import { ProblemError } from '../http/problem.error.js';
import { QueryParams } from '../http/query.decorator.js';
import { sendJson } from '../http/raw-reply.js';
import type { Task } from '../task/task.js';
import { ClaimService } from './claim.service.js';
import { NextQuery } from './dto/query.dto.js';
import { ClaimDto, CompleteDto, FailDto, HeartbeatDto, ReleaseDto } from './dto/work.dto.js';
import { callerOf } from './http-caller.js';
import { guardFor, requireQueues } from './queue-access.js';
import { claimedListText, claimedText, heartbeatView } from './task.view.js';
import { WorkService } from './work.service.js';

/** For workers: claim a task, keep it, finish it. */
@ApiTags('work')
@Controller('tasks')
export class WorkController {
  constructor(
    private readonly claims: ClaimService,
    private readonly work: WorkService,
  ) {}

  @Get('next')
  @NoHead()
  @Roles('worker')
  @ApiOperation({ summary: 'Claim the next task, or null when nothing is ready' })
  @ApiProblems(
    'unauthorized',
    'forbidden',
    'invalid_request',
    'too_many_waiters',
    'store_unavailable',
    'draining',
  )
  async next(
    @QueryParams(NextQuery) query: NextQuery,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    requireQueues(principal, query.queue);
    const claim = { queues: query.queue, maxTasks: 1, wait: query.wait, workerId: query.worker_id };
    const [claimed] = await this.claims.claim(claim, callerOf(response));
    sendJson(response, 200, claimed === undefined ? 'null' : claimedText(claimed));
  }

  @Post('claim')
  @HttpCode(200)
  @Roles('worker')
  @ApiOperation({ summary: 'Claim several tasks' })
  @ApiProblems('malformed_request', 'unauthorized', 'forbidden', 'unsupported_media_type', 'invalid_request')
  @ApiProblems('too_many_waiters', 'store_unavailable', 'draining')
  async claim(
    @JsonBody(ClaimDto) dto: ClaimDto,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    requireQueues(principal, dto.queues);
    const claimed = await this.claims.claim(claimOf(dto), callerOf(response));
    sendJson(response, 200, claimedListText(claimed));
  }

  @Post(':eval_id/heartbeat')
  @HttpCode(200)
  @Roles('worker')
  @LeaseCredential()
  @ApiOperation({ summary: 'Keep a lease, and say how far the work is' })
  @ApiProblems(
    'malformed_request',
    'unauthorized',
    'forbidden',
    'task_not_found',
    'lease_lost',
    'invalid_request',
  )
  @ApiProblems('lease_required', 'store_unavailable')
  async heartbeat(
    @Param('eval_id') id: string,
    @JsonBody(HeartbeatDto) dto: HeartbeatDto,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const leaseId = requiredLease(principal, dto.lease_id);
    const beat = { leaseId, extend: dto.extend, progress: dto.progress };
    const task = await this.work.heartbeat(id, beat, guardFor(principal));
    sendJson(response, 200, JSON.stringify(heartbeatView(task)));
  }

  @Post(':eval_id/complete')
  @HttpCode(200)
  @Roles('worker')
  @LeaseCredential()
  @ApiOperation({ summary: 'Report success' })
  @ApiProblems('malformed_request', 'unauthorized', 'forbidden', 'task_not_found', 'lease_lost', 'task_ended')
  @ApiProblems('not_claimed', 'too_large', 'invalid_request', 'lease_required', 'store_unavailable')
  async complete(
    @Param('eval_id') id: string,
    @JsonBody(CompleteDto) dto: CompleteDto,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const leaseId = effectiveLeaseId(principal, dto.lease_id);
    const result = { status: 'completed' as const, leaseId, output: dto.output?.text };
    const task = await this.work.finish(id, result, guardFor(principal));
    sendJson(response, 200, finishedText(task));
  }

  @Post(':eval_id/fail')
  @HttpCode(200)
  @Roles('worker')
  @LeaseCredential()
  @ApiOperation({ summary: 'Report failure' })
  @ApiProblems('malformed_request', 'unauthorized', 'forbidden', 'task_not_found', 'lease_lost', 'task_ended')
  @ApiProblems('not_claimed', 'too_large', 'invalid_request', 'lease_required', 'store_unavailable')
  async fail(
    @Param('eval_id') id: string,
    @JsonBody(FailDto) dto: FailDto,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const leaseId = effectiveLeaseId(principal, dto.lease_id);
    const task = await this.work.finish(id, failureOf(dto, leaseId), guardFor(principal));
    sendJson(response, 200, finishedText(task));
  }

  @Post(':eval_id/release')
  @HttpCode(200)
  @Roles('worker')
  @LeaseCredential()
  @ApiOperation({ summary: 'Give a task back unfinished; no budget is spent' })
  @ApiProblems(
    'malformed_request',
    'unauthorized',
    'forbidden',
    'task_not_found',
    'lease_lost',
    'invalid_request',
  )
  @ApiProblems('lease_required', 'store_unavailable')
  async release(
    @Param('eval_id') id: string,
    @JsonBody(ReleaseDto) dto: ReleaseDto,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const leaseId = requiredLease(principal, dto.lease_id);
    const given = { leaseId, delay: dto.delay, reason: dto.reason };
    const task = await this.work.release(id, given, guardFor(principal));
    sendJson(response, 200, finishedText(task));
  }
}

export function claimOf(dto: ClaimDto) {
  return {
    queues: dto.queues,
    maxTasks: dto.max_tasks,
    wait: dto.wait,
    workerId: dto.worker_id,
    claimId: dto.claim_id,
    lease: dto.lease,
  };
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
  };
}

function requiredLease(principal: Principal, bodyLeaseId: string | undefined): string {
  const leaseId = effectiveLeaseId(principal, bodyLeaseId);
  if (leaseId === undefined)
    throw new ProblemError('lease_required', 'Send the lease_id that the claim returned');
  return leaseId;
}

function finishedText(task: Task): string {
  return JSON.stringify({ eval_id: task.spec.id, status: task.state });
}
