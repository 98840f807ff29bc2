import type { Instant } from '../../task/clock.js';
import { isFinished, priorityOf, type Task } from '../../task/task.js';
import { workerOf } from '../task-filters.js';
import { badge, type Column, foreign, orNone, taskLink } from './components.js';
import { ago, errorLine } from './format.js';
import { type Html, html } from './html.js';

const ERROR_LENGTH = 120;

/** The columns of a list of tasks. */
export function taskColumns(now: Instant): readonly Column<Task>[] {
  return [
    { title: 'Task', isMain: true, cell: nameOf },
    { title: 'State', cell: stateOf },
    { title: 'Worker', cell: (task) => orNone(workerOf(task)) },
    { title: 'Enqueued', isNumber: true, cell: ({ createdAt }) => ago(createdAt, now) },
    { title: 'Ended', isNumber: true, cell: (task) => orNone(isFinished(task) && ago(task.finishedAt, now)) },
    {
      title: 'Last error',
      isLong: true,
      cell: ({ last }) => orNone(last?.error && foreign(errorLine(last.error, ERROR_LENGTH))),
    },
  ];
}

function nameOf(task: Task): Html {
  const { id, queue, group } = task.spec;
  const priority = priorityOf(task);
  return html`${taskLink(id)}
    <span class="under"
      >${queue}${group !== undefined && html` · ${foreign(group)}`}${priority !== 1 && ` · priority ${priority}`}</span
    >`;
}

function stateOf({ state, attempt, spec }: Task): Html {
  const isRetried = attempt > 1 || spec.maxAttempts > 1;
  return html`${badge(state)}${isRetried && html`<span class="under">attempt ${attempt} of ${spec.maxAttempts}</span>`}`;
}
