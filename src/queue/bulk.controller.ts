import { randomUUID } from 'node:crypto';
import { Controller, Headers, HttpCode, Post, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CurrentPrincipal, Roles } from '../auth/access.decorator.js';
import type { Principal } from '../auth/principal.js';
import { ApiProblems, WITH_BODY, WITH_KEY } from '../http/api-problems.decorator.js';
import type { Item, Items } from '../http/body-items-reader.js';
import { HotRoute } from '../http/hot-routes.js';
import { JsonItems } from '../http/json-items.decorator.js';
import { ProblemError } from '../http/problem.error.js';
import { sendJson } from '../http/raw-reply.js';
import { turns } from '../http/turns.js';
import type { Task } from '../task/task.js';
import { BatchBook, type Filled, type Opening } from './batch-book.js';
import { attempt, itemView, mergeIn, type Outcome, outcomeOf, valuesOf } from './bulk-outcomes.js';
import { CallbackRule } from './callback-rule.js';
import { ClaimService } from './claim.service.js';
import { ENQUEUE_ALL, FINISH_ALL, HEARTBEAT_ALL } from './dto/bulk.examples.js';
import {
  type AcceptedTask,
  BatchAnswer,
  type FinishedItem,
  FinishedItems,
  KeptLeases,
} from './dto/bulk.response.js';
import { CreateTaskDto } from './dto/create-task.dto.js';
import { TRACEPARENT } from './dto/field-docs.js';
import { LIMITS } from './dto/limits.js';
import { BatchDto } from './dto/steering.dto.js';
import { HeartbeatsDto, HeldLeaseDto, TaskResultDto, TaskResultsDto } from './dto/work.dto.js';
import { callerOf } from './http-caller.js';
import { namesIn } from './queue-choice.js';
import { guardFor, requireQueue, requireQueues } from './queue-access.js';
import { type Enqueued, QueueService, type TaskDraft } from './queue.service.js';
import { draftOf } from './task-draft.js';
import { claimedListText, heartbeatView } from './task.view.js';
import { beatOf, claimOf, failureOf } from './work.controller.js';
import { type TaskResult, WorkService } from './work.service.js';
import { WorkerActivity } from './worker-activity.js';

const BATCH = {
  envelope: BatchDto,
  item: CreateTaskDto,
  member: 'tasks',
  maxItems: LIMITS.tasksPerBatch,
  takesNdjson: true,
};
const RESULTS = {
  envelope: TaskResultsDto,
  item: TaskResultDto,
  member: 'results',
  maxItems: LIMITS.tasksPerBatch,
};
const LEASES = {
  envelope: HeartbeatsDto,
  item: HeldLeaseDto,
  member: 'leases',
  maxItems: LIMITS.tasksPerBatch,
  mayBeEmpty: true,
};

@ApiTags('bulk')
@Controller('tasks')
export class BulkController {
  constructor(
    private readonly queue: QueueService,
    private readonly work: WorkService,
    private readonly claims: ClaimService,
    private readonly workers: WorkerActivity,
    private readonly batches: BatchBook,
    private readonly callbacks: CallbackRule,
  ) {}

  @Post('batch')
  @HotRoute()
  @HttpCode(200)
  @Roles('producer')
  @ApiOperation({
    operationId: 'enqueueTasks',
    summary: 'Enqueue up to 1000 tasks',
    description:
      'The service answers when all valid tasks are durable in one commit; it refuses an invalid task without ' +
      'affecting the others. Send one JSON document, or newline-delimited JSON with one task per line. The ' +
      '`batch_id` of an earlier call adds tasks to its batch.',
  })
  @ApiHeader(TRACEPARENT)
  @ApiOkResponse({ type: BatchAnswer, description: 'One result per task', examples: ENQUEUE_ALL.answered })
  @ApiProblems(...WITH_KEY, ...WITH_BODY, 'name_taken', 'store_unavailable')
  async enqueue(
    @JsonItems(BATCH, ENQUEUE_ALL.requests) { envelope, items }: Items<BatchDto, CreateTaskDto>,
    @CurrentPrincipal() principal: Principal,
    @Headers('traceparent') traceparent: string | undefined,
  ): Promise<BatchAnswer> {
    this.callbacks.require(envelope.callback_url);
    const batchId = envelope.batch_id ?? randomUUID();
    const drafts = await turns.map(items, (item) =>
      attempt(() => {
        const dto = valueOf(item);
        requireQueue(principal, dto.queue);
        this.callbacks.require(dto.callback_url);
        return draftOf(dto, { traceparent, batchId });
      }),
    );
    const openings = openingsOf(batchId, { envelope, principal }, valuesOf(drafts));
    const outcomes = await this.batches.fill(openings, (refused) =>
      this.enqueueInto(batchId, drafts, refused),
    );
    const results = await turns.map(outcomes, (outcome, index) => itemView(index, outcome, batchItemView));
    const rejected = outcomes.filter(({ status }) => status === 'rejected').length;
    const counts = { accepted: results.length - rejected, rejected };
    return { batch_id: batchId, ...counts, results };
  }

  /** @throws ProblemError when the batch of the request itself is inaccessible */
  private async enqueueInto(
    batchId: string,
    drafts: readonly Outcome<TaskDraft>[],
    refused: ReadonlyMap<string, ProblemError>,
  ): Promise<Filled<Outcome<Enqueued>[]>> {
    const own = refused.get(batchId);
    if (own !== undefined) throw own;
    const admitted = drafts.map((draft): Outcome<TaskDraft> => {
      const reason =
        draft.status === 'fulfilled' ? refused.get(draft.value.spec.batchId ?? batchId) : undefined;
      return reason === undefined ? draft : { status: 'rejected', reason };
    });
    const good = valuesOf(admitted);
    const enqueued = await turns.about(good, () => this.queue.enqueueAll(good));
    const grown = new Set<string>();
    const result = enqueued.map(outcomeOf);
    result.forEach((outcome, index) => {
      const id = good[index]?.spec.batchId;
      if (id !== undefined && outcome.status === 'fulfilled' && !outcome.value.isReplay) grown.add(id);
    });
    return { result: mergeIn(admitted, result), grown };
  }

  @Post('complete')
  @HotRoute()
  @HttpCode(200)
  @Roles('worker')
  @ApiOperation({
    operationId: 'finishTasks',
    summary: 'Report up to 1000 tasks and claim the next ones',
    description:
      'All results are one commit, with one answer per task. `claim` also claims the next tasks and saves a round trip.',
  })
  @ApiOkResponse({
    type: FinishedItems,
    description: 'One result per task, and the next tasks if requested',
    examples: FINISH_ALL.answered,
  })
  @ApiProblems(...WITH_KEY, ...WITH_BODY, 'too_many_waiters', 'store_unavailable')
  async finish(
    @JsonItems(RESULTS, FINISH_ALL.requests) { envelope, items }: Items<TaskResultsDto, TaskResultDto>,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const { claim } = envelope;
    if (claim !== undefined) requireQueues(principal, namesIn(claim.queues));
    const wanted = claim === undefined ? undefined : claimOf(claim, principal);
    const given = await turns.map(items, (item) => attempt(() => resultOf(valueOf(item))));
    const reports = valuesOf(given);
    const finished = await turns.about(reports, () => this.work.finishAll(reports, guardFor(principal)));
    const outcomes = mergeIn(given, finished);
    const results = await turns.map(outcomes, (outcome, index) => itemView(index, outcome, finishedView));
    const text = JSON.stringify({ results });
    if (claim === undefined || wanted === undefined) {
      sendJson(response, 200, text);
      return;
    }
    // The results are durable, so an error of the claim must not replace their response.
    const claimed = await this.claims.claim(wanted, callerOf(response)).catch(() => []);
    const command = this.workers.commandFor(claim.worker_id);
    sendJson(response, 200, `${text.slice(0, -1)},${claimedListText(claimed, command).slice(1)}`);
  }

  @Post('heartbeat')
  @HotRoute()
  @HttpCode(200)
  @Roles('worker')
  @ApiOperation({
    operationId: 'heartbeatTasks',
    summary: 'Extend all leases of a worker',
    description:
      'Extends all leases of a worker at once, with one result per lease. Each item can report progress and save a ' +
      'checkpoint, as a single heartbeat does.',
  })
  @ApiOkResponse({
    type: KeptLeases,
    description: 'One result per lease',
    examples: HEARTBEAT_ALL.answered,
  })
  @ApiProblems(...WITH_KEY, ...WITH_BODY, 'store_unavailable')
  async heartbeat(
    @JsonItems(LEASES, HEARTBEAT_ALL.requests) { items }: Items<HeartbeatsDto, HeldLeaseDto>,
    @CurrentPrincipal() principal: Principal,
  ): Promise<KeptLeases> {
    items.forEach(requireLeaseOf);
    const given = await turns.map(items, (item) =>
      attempt(() => {
        const dto = valueOf(item);
        return { ...beatOf(dto, dto.lease_id), id: dto.eval_id };
      }),
    );
    const beats = valuesOf(given);
    const kept = await turns.about(beats, () => this.work.heartbeatAll(beats, guardFor(principal)));
    const results = mergeIn(given, kept).map((outcome, index) => ({
      ...nameOf(given[index]),
      ...itemView(index, outcome, (task) => heartbeatView(task, this.workers.beat(task.lease.workerId))),
    }));
    return { results };
  }
}

/** The batches of the tasks, which can name others than the request; the options are for the batch of the request. */
function openingsOf(
  batchId: string,
  { envelope, principal }: { readonly envelope: BatchDto; readonly principal: Principal },
  drafts: readonly TaskDraft[],
): Opening[] {
  const queues = new Map<string, Set<string>>();
  for (const { spec } of drafts) {
    if (spec.batchId === undefined) continue;
    const ofBatch = queues.get(spec.batchId) ?? new Set();
    queues.set(spec.batchId, ofBatch.add(spec.queue));
  }
  const options = { callbackUrl: envelope.callback_url, maxFailures: envelope.max_failures };
  return Array.from(queues, ([id, names]) => {
    return { id, options: id === batchId ? options : {}, queues: [...names], principal };
  });
}

function valueOf<T extends object>(item: Item<T>): T {
  if ('problem' in item) throw item.problem;
  return item.value;
}

/** An item without a task and a lease is a fault of the request; one with a wrong report is refused alone. */
function requireLeaseOf(item: Item<HeldLeaseDto>): void {
  if (!('problem' in item)) return;
  const { errors = [] } = item.problem.extras;
  const isReport = errors.every(({ pointer }) => /^\/(checkpoint|progress|extend)/.test(pointer));
  if (errors.length === 0 || !isReport) throw item.problem;
}

/** The task of an item, unless the item is invalid. */
function nameOf(item: Outcome<{ readonly id: string }> | undefined): object {
  return item?.status === 'fulfilled' ? { eval_id: item.value.id } : {};
}

function resultOf(dto: TaskResultDto): TaskResult & { id: string } {
  const { eval_id: id, lease_id: leaseId } = dto;
  if (dto.status === 'failed') return { id, ...failureOf(dto, leaseId) };
  return { id, status: 'completed', leaseId, output: dto.output?.text };
}

function batchItemView({ task, position }: Enqueued): Omit<AcceptedTask, 'index'> {
  return { eval_id: task.spec.id, status: task.state, position: position ?? null };
}

function finishedView(task: Task): Omit<FinishedItem, 'index'> {
  return { eval_id: task.spec.id, status: task.state };
}
