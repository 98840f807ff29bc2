import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { CurrentPrincipal, Roles } from '../auth/access.decorator.js';
import type { Principal } from '../auth/principal.js';
import { ApiProblems, WITH_BODY, WITH_KEY } from '../http/api-problems.decorator.js';
import { JsonBody } from '../http/json-body.decorator.js';
import { TakesNoQuery } from '../http/takes-nothing.decorator.js';
import { CANCEL, REDRIVE_ALL, REDRIVE_ONE, REPRIORITIZE } from './dto/bulk.examples.js';
import { EVAL_ID_PARAMETER } from './dto/field-docs.js';
import { CancelDto, PriorityDto, RedriveDto, RedriveOneDto } from './dto/steering.dto.js';
import { EnqueuedTask, RedrivenTasks, TaskStatus } from './dto/task.response.js';
import { EvalId } from './eval-id.decorator.js';
import { guardFor, visibleQueues } from './queue-access.js';
import { QueueService } from './queue.service.js';
import { SteeringService } from './steering.service.js';
import { enqueuedView } from './task.view.js';

@ApiTags('steering')
@Controller('tasks')
export class SteeringController {
  constructor(
    private readonly steering: SteeringService,
    private readonly queue: QueueService,
  ) {}

  @Post('redrive')
  @HttpCode(200)
  @TakesNoQuery()
  @Roles('producer')
  @ApiOperation({
    operationId: 'redriveTasks',
    summary: 'Redrive all dead letters that match',
    description:
      'Each task gets fresh budgets and its old place by age. The newest ones go first, up to `limit`. An ' +
      'unknown member gets 422, and nothing changes.',
  })
  @ApiOkResponse({
    type: RedrivenTasks,
    description: 'The tasks are queued again',
    examples: REDRIVE_ALL.redriven,
  })
  @ApiProblems(...WITH_KEY, ...WITH_BODY, 'store_unavailable')
  async redriveAll(
    @JsonBody(RedriveDto, REDRIVE_ALL.requests) dto: RedriveDto,
    @CurrentPrincipal() principal: Principal,
  ): Promise<RedrivenTasks> {
    const asked = dto.queue === undefined ? undefined : [dto.queue];
    const queues = visibleQueues(principal, asked);
    const { status, group, cause, limit, reset: isReset } = dto;
    const count = await this.steering.redriveAll({ states: [status], queues, group, cause, limit, isReset });
    return { status: 'redriven', tasks_redriven: count };
  }

  @Post(':eval_id/cancel')
  @HttpCode(200)
  @Roles('producer')
  @ApiOperation({
    operationId: 'cancelTask',
    summary: 'Cancel a task',
    description:
      'The lease of a held task ends at once. The next heartbeat or report of its worker gets `lease_lost`.',
  })
  @ApiParam(EVAL_ID_PARAMETER)
  @ApiOkResponse({ type: TaskStatus, description: 'The task has ended', examples: CANCEL.cancelled })
  @ApiProblems(...WITH_KEY, ...WITH_BODY, 'task_not_found', 'task_damaged', 'task_ended', 'store_unavailable')
  async cancel(
    @EvalId() id: string,
    @JsonBody(CancelDto, CANCEL.requests) dto: CancelDto,
    @CurrentPrincipal() principal: Principal,
  ): Promise<TaskStatus> {
    const task = await this.steering.cancel(id, dto.reason, guardFor(principal));
    return { eval_id: task.spec.id, status: task.state };
  }

  @Post(':eval_id/priority')
  @HttpCode(200)
  @Roles('producer')
  @ApiOperation({
    operationId: 'changePriority',
    summary: 'Change the priority of a waiting task',
    description:
      'For `queued` and `delayed` tasks. Within the new priority the task keeps its place by age. A repeated ' +
      'enqueue of the task is still compared with what was enqueued first.',
  })
  @ApiParam(EVAL_ID_PARAMETER)
  @ApiOkResponse({
    type: EnqueuedTask,
    description: 'The task waits with this priority',
    examples: REPRIORITIZE.changed,
  })
  @ApiProblems(
    ...WITH_KEY,
    ...WITH_BODY,
    'task_not_found',
    'task_damaged',
    'not_waiting',
    'store_unavailable',
  )
  async changePriority(
    @EvalId() id: string,
    @JsonBody(PriorityDto, REPRIORITIZE.requests) { priority }: PriorityDto,
    @CurrentPrincipal() principal: Principal,
  ): Promise<EnqueuedTask> {
    const task = await this.steering.reprioritize(id, priority, guardFor(principal));
    return enqueuedView(await this.queue.placeWritten(task));
  }

  @Post(':eval_id/redrive')
  @HttpCode(200)
  @Roles('producer')
  @ApiOperation({
    operationId: 'redriveTask',
    summary: 'Redrive a task',
    description:
      'Queues a failed, expired or cancelled task again, with fresh budgets and its old place by age. Its next ' +
      'claim gets its checkpoint, unless you `reset` it.',
  })
  @ApiParam(EVAL_ID_PARAMETER)
  @ApiOkResponse({
    type: EnqueuedTask,
    description: 'The task is queued again',
    examples: REDRIVE_ONE.queued,
  })
  @ApiProblems(
    ...WITH_KEY,
    ...WITH_BODY,
    'task_not_found',
    'task_damaged',
    'not_redrivable',
    'store_unavailable',
  )
  async redrive(
    @EvalId() id: string,
    @JsonBody(RedriveOneDto, REDRIVE_ONE.requests) { reset }: RedriveOneDto,
    @CurrentPrincipal() principal: Principal,
  ): Promise<EnqueuedTask> {
    const task = await this.steering.redrive(id, { isReset: reset }, guardFor(principal));
    return enqueuedView(await this.queue.placeWritten(task));
  }
}
