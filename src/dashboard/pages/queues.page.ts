import { Injectable } from '@nestjs/common';
import { hasRole, mayUseQueue, type Principal } from '../../auth/principal.js';
import { type QueueStatus, statusOf } from '../../queue/status.service.js';
import { QueueAdminService } from '../../queue-admin/queue-admin.service.js';
import { Clock } from '../../task/clock.js';
import type { QueueSettings } from '../../task/queue-settings.js';
import { TASK_STATES } from '../../task/task-state.js';
import type { Page } from '../page-sender.js';
import { QueueHolds } from '../queue-holds.js';
import { badge, card, type Column, emptyState, orNone, table } from '../parts/components.js';
import { duration, number } from '../parts/format.js';
import { type Html, html } from '../parts/html.js';
import { limitsInWords } from '../parts/limits.js';

export type QueueRow = QueueStatus & {
  readonly queue: string;
  readonly settings: QueueSettings;
  /** What holds its waiting tasks back, in words. */
  readonly holds: readonly string[] | undefined;
};

/** Counts of a queue that has settings and no tasks. */
export const NO_TASKS: QueueStatus = {
  ...(Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as Record<(typeof TASK_STATES)[number], 0>),
  oldest_queued_age: null,
};

/** More rows would take a browser, and the service, too long every second. */
export const QUEUES_SHOWN = 500;

const SHOWN = ['queued', 'processing', 'delayed', 'completed', 'failed', 'expired', 'cancelled'] as const;

/** All queues, their settings, and the actions on whole queues. */
@Injectable()
export class QueuesPage {
  constructor(
    private readonly queues: QueueAdminService,
    private readonly holds: QueueHolds,
    private readonly clock: Clock,
  ) {}

  page(principal: Principal): Page {
    return {
      title: 'Queues',
      section: '/dashboard/queues',
      top: html`<h1>Queues</h1>
        <p class="lead">Queues with tasks or settings.</p>`,
      live: () => this.render(principal),
    };
  }

  private async render(principal: Principal): Promise<Html> {
    const known = await this.queues.list((queue) => mayUseQueue(principal, queue));
    const now = this.clock.now().wall;
    const rows = known.slice(0, QUEUES_SHOWN).map(({ queue, settings, counted }) => {
      return { ...(counted ? statusOf(counted, now) : NO_TASKS), queue, settings };
    });
    const holds = await this.holds.of(rows);
    const shown = rows
      .map((row) => ({ ...row, holds: holds.get(row.queue) }))
      .toSorted((one, other) => (one.queue < other.queue ? -1 : 1));
    const columns = hasRole(principal, []) ? [LIMITS, ACTIONS] : [LIMITS];
    return card('Tasks by queue', queueTable(shown, { columns, more: known.length - rows.length }));
  }
}

export interface QueueTableOptions {
  /** The columns after the counts. */
  readonly columns?: readonly Column<QueueRow>[];
  /** The number of queues that are not shown. */
  readonly more: number;
}

export function queueTable(rows: readonly QueueRow[], { columns = [], more }: QueueTableOptions): Html {
  return html`${table({
    caption: 'Queues and their tasks by state',
    columns: [...COLUMNS, ...columns],
    rows,
    empty: emptyState(
      'No tasks yet',
      html`Post one to <code>/tasks</code>; the <a href="/docs">API page</a> shows how. It appears here within
        a second.`,
    ),
  })}
  ${more > 0 && html`<p class="hint">And ${number(more)} more, by name. <code>GET /queues</code> lists all.</p>`}`;
}

const COLUMNS: readonly Column<QueueRow>[] = [
  {
    title: 'Queue',
    isMain: true,
    cell: ({ queue, settings, holds = [] }) => {
      const others = holds.filter((reason) => reason !== 'paused');
      return html`<a class="id" href="/dashboard/queues/${encodeURIComponent(queue)}">${queue}</a>
        ${settings.paused === true && badge('paused')}
        ${others.length > 0 && html`<span class="under hold">${others.join('; ')}</span>`}`;
    },
  },
  ...SHOWN.map((state): Column<QueueRow> => ({
    title: `${state.charAt(0).toUpperCase()}${state.slice(1)}`,
    isNumber: true,
    cell: (row) => number(row[state]),
  })),
  {
    title: 'Oldest queued',
    isNumber: true,
    cell: ({ oldest_queued_age: age }) => orNone(age === null ? null : duration(age)),
  },
];

const LIMITS: Column<QueueRow> = {
  title: 'Limits',
  cell: ({ settings }) => orNone(limitsInWords(settings).join(', ')),
};

const ACTIONS: Column<QueueRow> = {
  title: 'Action',
  cell: ({ queue, settings }) => pauseForm(queue, settings),
};

/** The button that pauses or resumes a queue. */
export function pauseForm(queue: string, { paused }: QueueSettings): Html {
  const [verb, word] = paused === true ? ['resume', 'Resume'] : ['pause', 'Pause'];
  return html`<form method="post" action="/dashboard/queues/${encodeURIComponent(queue)}/${verb}">
    <button type="submit" aria-label="${word} ${queue}">${word}</button>
  </form>`;
}
