import { Controller, Delete, Get, Headers, Param, Post, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Roles } from '../auth/access.decorators.js';
import type { Principal } from '../auth/principal.js';
import { ApiProblems } from '../http/api-problems.decorator.js';
import { JsonBody } from '../http/json-body.decorator.js';
import { ProblemError } from '../http/problem.error.js';
import { QueryParams } from '../http/query.decorator.js';
import { sendJson } from '../http/raw-reply.js';
import { isFinished, type Task } from '../task/task.js';
import { CreateTaskDto } from './dto/create-task.dto.js';
import { ClearQuery, ListQuery, TaskQueryDto } from './dto/query.dto.js';
import { callerOf } from './http-caller.js';
import { requireQueue, visibleQueues } from './queue-access.js';
import { QueueService } from './queue.service.js';
import { draftOf } from './task.draft.js';
import { attemptView, enqueuedView, splice, taskView } from './task.view.js';

/** For producers and readers. */
@ApiTags('tasks')
@Controller('tasks')
export class TasksController {
  constructor(private readonly queue: QueueService) {}

  @Post()
  @Roles('producer')
  @ApiOperation({ summary: 'Enqueue a task' })
  @ApiProblems(
    'malformed_request',
    'unauthorized',
    'forbidden',
    'conflict',
    'too_large',
    'unsupported_media_type',
  )
  @ApiProblems('invalid_request', 'store_unavailable', 'draining')
  async create(
    @JsonBody(CreateTaskDto) dto: CreateTaskDto,
    @CurrentPrincipal() principal: Principal,
    @Headers('traceparent') traceparent: string | undefined,
    @Res() response: Response,
  ): Promise<void> {
    requireQueue(principal, dto.queue);
    const enqueued = await this.queue.enqueue(draftOf(dto, { traceparent }));
    const text = JSON.stringify(enqueuedView(enqueued));
    const location = `/tasks/${dto.eval_id}`;
    if (enqueued.isReplay) sendJson(response, 200, text, { Location: location, 'Idempotent-Replay': 'true' });
    else sendJson(response, 201, text, { Location: location });
  }

  @Get()
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({ summary: 'List tasks, newest first' })
  @ApiProblems('unauthorized', 'forbidden', 'invalid_request', 'store_unavailable')
  async list(
    @QueryParams(ListQuery) query: ListQuery,
    @CurrentPrincipal() principal: Principal,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const page = await this.queue.list({
      states: query.status,
      queues: visibleQueues(principal, query.queue),
      batchId: query.batch_id,
      workerId: query.worker_id,
      createdAfter: instantOf(query.created_after),
      createdBefore: instantOf(query.created_before),
      limit: query.limit,
      cursor: query.cursor,
    });
    const tasks = page.tasks.map((task) => taskView({ task, position: undefined }));
    const headers = page.nextCursor === undefined ? undefined : { Link: nextLink(request, page.nextCursor) };
    sendJson(response, 200, JSON.stringify({ tasks, next_cursor: page.nextCursor ?? null }), headers);
  }

  @Get(':eval_id')
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({ summary: 'Look at a task, or wait for its end' })
  @ApiProblems('unauthorized', 'forbidden', 'task_not_found', 'invalid_request', 'store_unavailable')
  async find(
    @Param('eval_id') id: string,
    @QueryParams(TaskQueryDto) { wait }: TaskQueryDto,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    let task = await this.findFor(principal, id);
    if (wait > 0 && !isFinished(task)) task = await this.queue.findEnded(id, wait, callerOf(response));
    const placed = await this.queue.place(task);
    const { metadata, error } = await this.queue.details(placed.task);
    const view = { ...taskView(placed), error: error ?? null };
    const isShown = metadata !== undefined && seesPayloads(principal);
    sendJson(response, 200, isShown ? splice(view, `"metadata":${metadata}`) : JSON.stringify(view));
  }

  @Get(':eval_id/attempts')
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({ summary: 'List the finished attempts of a task, oldest first' })
  @ApiProblems('unauthorized', 'forbidden', 'task_not_found', 'store_unavailable')
  async attempts(
    @Param('eval_id') id: string,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    await this.findFor(principal, id);
    const attempts = await this.queue.attempts(id);
    sendJson(response, 200, JSON.stringify({ eval_id: id, attempts: attempts.map(attemptView) }));
  }

  @Get(':eval_id/output')
  @Roles('producer', 'worker')
  @ApiOperation({ summary: 'Read what a completed task produced, as the same JSON text' })
  @ApiProblems('unauthorized', 'forbidden', 'task_not_found', 'no_output', 'store_unavailable')
  async output(
    @Param('eval_id') id: string,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const task = await this.findFor(principal, id);
    const output = await this.queue.output(id);
    if (output !== undefined) sendJson(response, 200, output);
    else throw new ProblemError('no_output', `Task ${id} is ${task.state} and has no output`);
  }

  @Delete(':eval_id')
  @Roles('admin')
  @ApiOperation({ summary: 'Forget a task that has ended' })
  @ApiProblems('unauthorized', 'forbidden', 'task_not_found', 'not_finished', 'store_unavailable')
  async remove(
    @Param('eval_id') id: string,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    await this.findFor(principal, id);
    await this.queue.remove(id);
    sendJson(response, 200, JSON.stringify({ eval_id: id, status: 'deleted' }));
  }

  @Delete()
  @Roles('admin')
  @ApiOperation({ summary: 'Forget every task, or every task that matches; leases end' })
  @ApiProblems('unauthorized', 'forbidden', 'invalid_request', 'store_unavailable')
  async clear(
    @QueryParams(ClearQuery) query: ClearQuery,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const queues = visibleQueues(principal, query.queue);
    const count = await this.queue.clear({ states: query.status, queues });
    sendJson(response, 200, JSON.stringify({ status: 'cleared', tasks_removed: count }));
  }

  private async findFor(principal: Principal, id: string): Promise<Task> {
    const task = await this.queue.find(id);
    requireQueue(principal, task.spec.queue);
    return task;
  }
}

/** Viewers see that a task is there and how it fares, not what it is about. */
function seesPayloads(principal: Principal): boolean {
  return principal.roles.some((role) => role !== 'viewer');
}

function instantOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}

/** RFC 8288. The other parameters stay as they are. */
function nextLink(request: Request, cursor: string): string {
  const query = new URLSearchParams(request.url.split('?')[1] ?? '');
  query.set('cursor', cursor);
  return `</tasks?${query.toString()}>; rel="next"`;
}
