import { Injectable } from '@nestjs/common';
import type { Instant } from '../../../task/clock.js';
import { isFinished, priorityOf, type Task, type TaskSpec } from '../../../task/task.js';
import { card, facts, foreign, orNone } from '../../parts/components.js';
import { duration, moment } from '../../parts/format.js';
import { type Html, html } from '../../parts/html.js';
import { TaskPane, type TaskSight } from './task-pane.js';

/** The fields of the task, budgets and times. */
@Injectable()
export class FieldsPane extends TaskPane {
  render({ task, now }: TaskSight): Html {
    return card('Fields', fields(task, now));
  }
}

/** With the one of the enqueue, when an operator has changed it. */
function priorityText(task: Task): string {
  const { spec } = task;
  const priority = String(priorityOf(task));
  return task.priority === undefined ? priority : `${priority}, enqueued with ${spec.priority}`;
}

function fields(task: Task, now: Instant): Html {
  const { spec, last } = task;
  const { backoff } = spec;
  return facts([
    ['Queue', html`<a href="/dashboard/queues/${encodeURIComponent(spec.queue)}">${spec.queue}</a>`],
    [
      'Group',
      orNone(
        spec.group !== undefined &&
          html`<a href="/dashboard/tasks?group=${encodeURIComponent(spec.group)}">${foreign(spec.group)}</a>`,
      ),
    ],
    ['Requires', orNone(requirementsOf(spec))],
    ['Priority', priorityText(task)],
    [
      'Batch',
      orNone(
        spec.batchId !== undefined &&
          html`<a href="/dashboard/tasks?batch_id=${encodeURIComponent(spec.batchId)}">${spec.batchId}</a>`,
      ),
    ],
    ['Language and engine', `${spec.language} on ${spec.engine}`],
    ['Timeout', duration(spec.timeout)],
    ['Failures', `${task.failures} of ${spec.maxAttempts} used`],
    ['Interruptions', `${task.interruptions} of ${spec.maxInterruptions} used`],
    ['Backoff', `${backoff.type}, ${duration(backoff.delay)} to ${duration(backoff.maxDelay)}`],
    ['Attempts', task.attempt],
    ['Exit code', orNone(last?.exitCode)],
    ['Enqueued', moment(task.createdAt)],
    ['Expires', orNone(task.startBy !== undefined && moment(task.startBy))],
    ['Started', orNone(task.startedAt !== undefined && moment(task.startedAt))],
    ['Ended', orNone(isFinished(task) && moment(task.finishedAt))],
    ['Total time', duration(Math.max((isFinished(task) ? task.finishedAt : now) - task.createdAt, 0) / 1000)],
    ['Trace', orNone(spec.traceparent)],
  ]);
}

function requirementsOf({ requires = {} }: TaskSpec): string {
  return Object.entries(requires)
    .map(([label, value]) => `${label}: ${value}`)
    .join(', ');
}
