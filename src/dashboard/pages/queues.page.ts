import { Injectable } from '@nestjs/common';
import { hasRole, mayUseQueue, type Principal } from '../../auth/principal.js';
import { requireQueue } from '../../queue/queue-access.js';
import { type QueueStatus, StatusService } from '../../queue/status.service.js';
import { TASK_STATES, type TaskState } from '../../task/task.js';
import type { Page } from '../page-sender.js';
import { card, type Column, emptyState, orNone, table } from '../parts/components.js';
import { duration, number, plural } from '../parts/format.js';
import { type Html, html } from '../parts/html.js';

export type QueueRow = QueueStatus & { readonly queue: string };

const SHOWN: readonly (readonly [title: string, state: TaskState])[] = [
  ['Queued', 'queued'],
  ['Processing', 'processing'],
  ['Delayed', 'delayed'],
  ['Completed', 'completed'],
  ['Failed', 'failed'],
  ['Expired', 'expired'],
  ['Cancelled', 'cancelled'],
];

/** The queues, and what can be done with one as a whole. */
@Injectable()
export class QueuesPage {
  constructor(private readonly status: StatusService) {}

  page(principal: Principal): Page {
    return {
      title: 'Queues',
      section: '/dashboard/queues',
      top: html`<h1>Queues</h1>
        <p class="lead">A queue is there as long as it has tasks.</p>`,
      live: () => this.render(principal),
    };
  }

  /** Says what would go, and has the name of the queue typed before it does. */
  async purgePage(principal: Principal, queue: string, isMistyped = false): Promise<Page> {
    requireQueue(principal, queue);
    const { queues } = await this.status.read((name) => name === queue);
    const counts = queues[queue];
    const total = counts === undefined ? 0 : TASK_STATES.reduce((sum, state) => sum + counts[state], 0);
    return {
      title: 'Purge queue',
      section: '/dashboard/queues',
      top: html`<p class="crumbs"><a href="/dashboard/queues">Queues</a></p>
        <h1>Purge queue</h1>
        ${purgeForm(queue, total, isMistyped)}`,
    };
  }

  private async render(principal: Principal): Promise<Html> {
    const { queues } = await this.status.read((queue) => mayUseQueue(principal, queue));
    return card('Tasks by queue', queueTable(queues, hasRole(principal, [])));
  }
}

export function queueTable(queues: Readonly<Record<string, QueueStatus>>, isPurgeable: boolean): Html {
  const rows = Object.entries(queues)
    .map(([queue, counts]) => ({ ...counts, queue }))
    .sort((one, other) => (one.queue < other.queue ? -1 : 1));
  return table({
    caption: 'Queues and their tasks by state',
    columns: isPurgeable ? [...COLUMNS, PURGE] : COLUMNS,
    rows,
    empty: emptyState(
      'No tasks yet',
      html`Post one to <code>/tasks</code>; the <a href="/docs">API page</a> shows how. It appears here within
        a second.`,
    ),
  });
}

const COLUMNS: readonly Column<QueueRow>[] = [
  {
    title: 'Queue',
    cell: ({ queue }) =>
      html`<a class="id" href="/dashboard/tasks?queue=${encodeURIComponent(queue)}">${queue}</a>`,
  },
  ...SHOWN.map(([title, state]): Column<QueueRow> => ({
    title,
    isNumber: true,
    cell: (row) => number(row[state]),
  })),
  {
    title: 'Oldest waiting',
    isNumber: true,
    cell: ({ oldest_queued_age: age }) => orNone(age === null ? null : duration(age)),
  },
];

const PURGE: Column<QueueRow> = {
  title: 'Action',
  cell: ({ queue }) =>
    html`<a href="/dashboard/queues/${encodeURIComponent(queue)}/purge" aria-label="Purge ${queue}"
      >Purge…</a
    >`,
};

function purgeForm(queue: string, total: number, isMistyped: boolean): Html {
  return html`<form
    class="card confirm"
    method="post"
    action="/dashboard/queues/${encodeURIComponent(queue)}/purge"
  >
    <p class="headline"><b>${plural(total, 'task')}</b> in queue <b class="id">${queue}</b></p>
    <p>
      All of them are forgotten for good, with their history; tasks that workers hold, too. There is no way
      back.
    </p>
    <label>Type ${queue} to confirm<input name="typed" autocomplete="off" required /></label>
    ${isMistyped && html`<p class="problem" role="alert">That was another name; nothing was removed.</p>`}
    <div class="buttons">
      <button class="danger" type="submit">Purge queue</button>
      <a class="button plain" href="/dashboard/queues">Back</a>
    </div>
  </form>`;
}
