import { Controller, Delete, Get, Headers, Post, Req, Res } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Roles } from '../auth/access.decorator.js';
import type { Principal } from '../auth/principal.js';
import { apiHeaders } from '../http/api-headers.js';
import { ApiProblems, WITH_BODY, WITH_KEY, WITH_QUERY } from '../http/api-problems.decorator.js';
import { HotRoute } from '../http/hot-routes.js';
import { JsonBody } from '../http/json-body.decorator.js';
import { parseMoment } from '../http/moment.js';
import { nextLink } from '../http/next-link.js';
import { ProblemError } from '../http/problem.error.js';
import { QueryParams } from '../http/query.decorator.js';
import { publicPath } from '../http/public-path.js';
import { sendJson } from '../http/raw-reply.js';
import { TakesNoBody } from '../http/takes-nothing.decorator.js';
import { isFinished, type Task } from '../task/task.js';
import { CreateTaskDto } from './dto/create-task.dto.js';
import { EVAL_ID_PARAMETER, TRACEPARENT } from './dto/field-docs.js';
import { ClearQuery, ListQuery, TaskQueryDto } from './dto/query.dto.js';
import { ATTEMPTS, CLEARED, ENQUEUE, FIND, LIST, OUTPUT, REMOVED } from './dto/task.examples.js';
import {
  ClearedTasks,
  EnqueuedTask,
  RemovedTask,
  TaskAttempts,
  TaskDetails,
  TaskPage,
} from './dto/task.response.js';
import { Enqueuer } from './enqueuer.js';
import { EvalId } from './eval-id.decorator.js';
import { callerOf } from './http-caller.js';
import { requireVisible, seesPayloads, visibleQueues } from './queue-access.js';
import { QueueService } from './queue.service.js';
import { attemptView, enqueuedView, splice, taskView } from './task.view.js';

@ApiTags('tasks')
@Controller('tasks')
export class TasksController {
  constructor(
    private readonly queue: QueueService,
    private readonly enqueuer: Enqueuer,
  ) {}

  @Post()
  @HotRoute()
  @Roles('producer')
  @ApiOperation({
    operationId: 'enqueueTask',
    summary: 'Enqueue a task',
    description:
      'The service answers when the task is durable. It is safe to repeat the request with the same `eval_id` ' +
      'and content: the answer then has the current state. Unknown fields are ignored.',
  })
  @ApiHeader(TRACEPARENT)
  @ApiCreatedResponse({
    type: EnqueuedTask,
    description: 'The task was enqueued',
    headers: apiHeaders('Location'),
    examples: ENQUEUE.created,
  })
  @ApiOkResponse({
    type: EnqueuedTask,
    description: 'The task already exists with the same content',
    headers: apiHeaders('Location', 'Idempotent-Replay'),
    examples: ENQUEUE.replayed,
  })
  @ApiProblems(
    ...WITH_KEY,
    ...WITH_BODY,
    'conflict',
    'task_damaged',
    'name_taken',
    'queue_full',
    'store_unavailable',
  )
  async create(
    @JsonBody(CreateTaskDto, ENQUEUE.requests) dto: CreateTaskDto,
    @CurrentPrincipal() principal: Principal,
    @Headers('traceparent') traceparent: string | undefined,
    @Res() response: Response,
  ): Promise<void> {
    const enqueued = await this.enqueuer.enqueue(dto, { principal, traceparent });
    const text = JSON.stringify(enqueuedView(enqueued));
    const location = publicPath(response.req, `/tasks/${dto.eval_id}`);
    if (enqueued.isReplay) sendJson(response, 200, text, { Location: location, 'Idempotent-Replay': 'true' });
    else sendJson(response, 201, text, { Location: location });
  }

  @Get()
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({
    operationId: 'listTasks',
    summary: 'List tasks, newest first',
    description: 'Lists never contain code or metadata. A key for some queues sees only their tasks.',
  })
  @ApiOkResponse({
    type: TaskPage,
    description: 'A page of tasks',
    headers: apiHeaders('Link'),
    examples: LIST,
  })
  @ApiProblems(...WITH_KEY, ...WITH_QUERY, 'store_unavailable')
  async list(
    @QueryParams(ListQuery) query: ListQuery,
    @CurrentPrincipal() principal: Principal,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const page = await this.queue.list({
      states: query.status,
      queues: visibleQueues(principal, query.queue),
      group: query.group,
      batchId: query.batch_id,
      workerId: query.worker_id,
      cause: query.cause,
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
  @ApiOperation({
    operationId: 'getTask',
    summary: 'Read a task, or wait for its end',
    description:
      'With `wait`, the service answers when the task has ended, or with its current state when the wait is over.',
  })
  @ApiParam(EVAL_ID_PARAMETER)
  @ApiOkResponse({ type: TaskDetails, description: 'The current state of the task', examples: FIND })
  @ApiProblems(
    ...WITH_KEY,
    ...WITH_QUERY,
    'task_not_found',
    'task_damaged',
    'too_many_waiters',
    'store_unavailable',
  )
  async find(
    @EvalId() id: string,
    @QueryParams(TaskQueryDto) { wait }: TaskQueryDto,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    let task = await this.findFor(principal, id);
    if (wait > 0 && !isFinished(task)) {
      const caller = callerOf(response);
      task = await this.queue.findEnded(id, wait, caller);
      caller.requireEntry();
    }
    const placed = await this.queue.place(task);
    // The task may have been deleted meanwhile and its id reused in another queue.
    requireVisible(principal, placed.task);
    const { metadata, error } = await this.queue.details(placed.task);
    const view = Object.assign(taskView(placed), { error: error ?? null });
    const isShown = metadata !== undefined && seesPayloads(principal);
    sendJson(response, 200, isShown ? splice(view, `"metadata":${metadata}`) : JSON.stringify(view));
  }

  @Get(':eval_id/attempts')
  @Roles('producer', 'worker', 'viewer')
  @ApiOperation({
    operationId: 'getTaskAttempts',
    summary: 'List the ended attempts of a task, oldest first',
    description: 'An attempt is recorded when it ends and kept as long as the task.',
  })
  @ApiParam(EVAL_ID_PARAMETER)
  @ApiOkResponse({ type: TaskAttempts, description: 'The ended attempts', examples: ATTEMPTS })
  @ApiProblems(...WITH_KEY, 'malformed_request', 'task_not_found', 'task_damaged', 'store_unavailable')
  async attempts(@EvalId() id: string, @CurrentPrincipal() principal: Principal): Promise<TaskAttempts> {
    const attempts = await this.queue.attempts(await this.findFor(principal, id));
    return { eval_id: id, attempts: attempts.map(attemptView) };
  }

  @Get(':eval_id/output')
  @Roles('producer', 'worker')
  @ApiOperation({
    operationId: 'getTaskOutput',
    summary: 'Read the output of a completed task',
    description: 'The exact JSON text that the worker sent.',
  })
  @ApiParam(EVAL_ID_PARAMETER)
  @ApiOkResponse({ schema: {}, description: 'Any JSON value', examples: OUTPUT })
  @ApiProblems(
    ...WITH_KEY,
    'malformed_request',
    'task_not_found',
    'task_damaged',
    'no_output',
    'store_unavailable',
  )
  async output(
    @EvalId() id: string,
    @CurrentPrincipal() principal: Principal,
    @Res() response: Response,
  ): Promise<void> {
    const task = await this.findFor(principal, id);
    const output = await this.queue.output(task);
    if (output !== undefined) sendJson(response, 200, output);
    else throw new ProblemError('no_output', `Task ${id} is ${task.state} and has no output`);
  }

  @Delete(':eval_id')
  @Roles('admin')
  @ApiOperation({
    operationId: 'removeTask',
    summary: 'Delete an ended task',
    description: 'This also deletes its attempts and its output, and frees its `eval_id`.',
  })
  @ApiParam(EVAL_ID_PARAMETER)
  @ApiOkResponse({ type: RemovedTask, description: 'The task is deleted', examples: REMOVED })
  @ApiProblems(
    ...WITH_KEY,
    'malformed_request',
    'task_not_found',
    'task_damaged',
    'not_finished',
    'store_unavailable',
  )
  async remove(@EvalId() id: string, @CurrentPrincipal() principal: Principal): Promise<RemovedTask> {
    await this.findFor(principal, id);
    await this.queue.remove(id);
    return { eval_id: id, status: 'deleted' };
  }

  @Delete()
  @Roles('admin')
  @TakesNoBody()
  @ApiOperation({
    operationId: 'clearTasks',
    summary: 'Clear all tasks, or all that match',
    description:
      'This cannot be undone. It also removes held tasks and ends their leases at once. An unknown query ' +
      'parameter, or a body other than `{}`, gets 422, and nothing changes. With `cause` it removes only ended tasks, ' +
      'in several steps.',
  })
  @ApiOkResponse({ type: ClearedTasks, description: 'The tasks are removed', examples: CLEARED })
  @ApiProblems(...WITH_KEY, ...WITH_QUERY, 'request_timeout', 'too_large', 'store_unavailable')
  async clear(
    @QueryParams(ClearQuery) query: ClearQuery,
    @CurrentPrincipal() principal: Principal,
  ): Promise<ClearedTasks> {
    const queues = visibleQueues(principal, query.queue);
    const count = await this.queue.clear({ states: query.status, queues, cause: query.cause });
    return { status: 'cleared', tasks_removed: count };
  }

  private async findFor(principal: Principal, id: string): Promise<Task> {
    return requireVisible(principal, await this.queue.find(id));
  }
}

function instantOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseMoment(text);
}
