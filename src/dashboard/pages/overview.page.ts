import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { mayUseQueue } from '../../auth/principal.js';
import { type QueueStatus, StatusService, type StatusView } from '../../queue/status.service.js';
import { TASK_STATES, type TaskState } from '../../task/task.js';
import type { Page } from '../page-sender.js';
import { badge, card, type Column, emptyState, orNone, table } from '../parts/components.js';
import { duration, number } from '../parts/format.js';
import { type Html, html } from '../parts/html.js';

type QueueRow = QueueStatus & { readonly queue: string };

/** What each state means to whoever operates the service. */
const MEANINGS: Readonly<Record<TaskState, string>> = {
  delayed: 'wait for their time',
  queued: 'wait for a worker',
  processing: 'are with a worker',
  completed: 'ended well',
  failed: 'are dead letters',
  cancelled: 'were stopped',
  expired: 'were not started in time',
};

/** How the service fares, at a glance. */
@Injectable()
export class OverviewPage {
  constructor(private readonly status: StatusService) {}

  page(principal: Principal): Page {
    return {
      title: 'Overview',
      section: '/dashboard',
      top: html`<h1>Overview</h1>`,
      live: () => this.render(principal),
    };
  }

  private async render(principal: Principal): Promise<Html> {
    const status = await this.status.read((queue) => mayUseQueue(principal, queue));
    return html`${tiles(status)} ${queues(status)}`;
  }
}

function tiles(status: StatusView): Html {
  return html`<ul class="tiles">
    ${TASK_STATES.map(
      (state) =>
        html`<li class="tile">
          <a href="/dashboard/tasks?status=${state}">
            ${badge(state)}
            <span class="figure">${number(status[state])}</span>
            <span class="meaning">${MEANINGS[state]}</span>
          </a>
        </li>`,
    )}
    <li class="tile">
      <div>
        <span class="label">Oldest waiting</span>
        <span class="figure"
          >${status.oldest_queued_age === null ? 'none' : duration(status.oldest_queued_age)}</span
        >
        <span class="meaning">age of the task that waits longest</span>
      </div>
    </li>
  </ul>`;
}

const COUNT = (title: string, state: TaskState): Column<QueueRow> => ({
  title,
  isNumber: true,
  cell: (row) => number(row[state]),
});

const QUEUE_COLUMNS: readonly Column<QueueRow>[] = [
  {
    title: 'Queue',
    cell: ({ queue }) =>
      html`<a class="id" href="/dashboard/tasks?queue=${encodeURIComponent(queue)}">${queue}</a>`,
  },
  COUNT('Queued', 'queued'),
  COUNT('Processing', 'processing'),
  COUNT('Delayed', 'delayed'),
  {
    title: 'Oldest waiting',
    isNumber: true,
    cell: ({ oldest_queued_age: age }) => orNone(age === null ? null : duration(age)),
  },
  COUNT('Completed', 'completed'),
  COUNT('Failed', 'failed'),
  COUNT('Expired', 'expired'),
  COUNT('Cancelled', 'cancelled'),
];

function queues({ queues: byName }: StatusView): Html {
  const rows = Object.entries(byName)
    .map(([queue, counts]) => ({ ...counts, queue }))
    .sort((one, other) => (one.queue < other.queue ? -1 : 1));
  const content = table({
    caption: 'Queues and their tasks by state',
    columns: QUEUE_COLUMNS,
    rows,
    empty: emptyState(
      'No tasks yet',
      html`Post one to <code>/tasks</code>; the <a href="/docs">API page</a> shows how. It appears here within
        a second.`,
    ),
  });
  return card('Queues', content);
}
