import { Injectable } from '@nestjs/common';
import { hasRole, type Principal } from '../../auth/principal.js';
import { visibleQueues } from '../../queue/queue-access.js';
import { QueueService } from '../../queue/queue.service.js';
import { Clock, type Instant } from '../../task/clock.js';
import { isFinished, type Task } from '../../task/task.js';
import { TASK_STATES } from '../../task/task-state.js';
import type { Page } from '../page-sender.js';
import {
  badge,
  card,
  type Column,
  emptyState,
  foreign,
  orNone,
  table,
  taskLink,
} from '../parts/components.js';
import { ago, errorLine } from '../parts/format.js';
import { flag, type Html, html } from '../parts/html.js';
import { queryOf, readFilters, storeFilter, type TaskFilters } from '../task-filters.js';

const PAGE_SIZE = 50;
const ERROR_LENGTH = 80;
const PERIODS = [
  ['', 'any time'],
  ['15', 'the last 15 minutes'],
  ['60', 'the last hour'],
  ['1440', 'the last day'],
] as const;

/** The tasks that match the address's filters, newest first. */
@Injectable()
export class TasksPage {
  constructor(
    private readonly queue: QueueService,
    private readonly clock: Clock,
  ) {}

  page(principal: Principal, query: URLSearchParams): Page {
    const filters = readFilters(query);
    const isUsable = filters.unusable.length === 0;
    return {
      title: 'Tasks',
      section: '/dashboard/tasks',
      top: html`<h1>Tasks</h1>
        ${filterForm(filters)} ${isUsable && hasRole(principal, ['producer']) && bulkLinks(filters)}`,
      // Without the invalid filter the list would show more tasks than requested.
      live: isUsable ? () => this.render(principal, filters) : undefined,
    };
  }

  private async render(principal: Principal, filters: TaskFilters): Promise<Html> {
    const now = this.clock.now().wall;
    const page = await this.queue.list({
      ...storeFilter(filters, now),
      queues: visibleQueues(principal, filters.queue === undefined ? undefined : [filters.queue]),
      limit: PAGE_SIZE,
      cursor: filters.cursor,
    });
    const content = table({
      caption: 'Tasks, newest first',
      columns: columnsAt(now),
      rows: page.tasks,
      empty: emptyList(filters),
    });
    return html`${card('Newest first', content)} ${pager(filters, page.nextCursor)}`;
  }
}

export function columnsAt(now: Instant): readonly Column<Task>[] {
  return [
    { title: 'Task', cell: ({ spec }) => taskLink(spec.id) },
    { title: 'State', cell: ({ state }) => badge(state) },
    { title: 'Queue', cell: ({ spec }) => spec.queue },
    { title: 'Group', cell: ({ spec }) => orNone(spec.group && foreign(spec.group)) },
    { title: 'Priority', isNumber: true, cell: ({ spec }) => spec.priority },
    { title: 'Attempt', isNumber: true, cell: ({ attempt, spec }) => `${attempt} of ${spec.maxAttempts}` },
    { title: 'Worker', cell: (task) => orNone(workerOf(task)) },
    { title: 'Enqueued', isNumber: true, cell: ({ createdAt }) => ago(createdAt, now) },
    { title: 'Ended', isNumber: true, cell: (task) => orNone(isFinished(task) && ago(task.finishedAt, now)) },
    {
      title: 'Last error',
      cell: ({ last }) => orNone(last?.error && foreign(errorLine(last.error, ERROR_LENGTH))),
    },
  ];
}

export function workerOf(task: Task): string | undefined {
  return task.state === 'processing' ? task.lease.workerId : task.last?.workerId;
}

function filterForm(filters: TaskFilters): Html {
  const { states, minutes, unusable } = filters;
  return html`<form class="filters" action="/dashboard/tasks" method="get">
    <fieldset>
      <legend>State</legend>
      ${TASK_STATES.map(
        (state) =>
          html`<label class="choice"
            ><input
              type="checkbox"
              name="status"
              value="${state}"
              ${flag('checked', states.includes(state))}
            />${state}</label
          >`,
      )}
    </fieldset>
    <div class="fields">
      ${field('queue', 'Queue', filters.queue)} ${field('group', 'Group', filters.group)}
      ${field('batch_id', 'Batch', filters.batch)} ${field('worker_id', 'Worker', filters.worker)}
      ${field('cause', 'Cause', filters.cause)}
      <label
        >Enqueued<select name="minutes">
          ${PERIODS.map(
            ([value, name]) =>
              html`<option value="${value}" ${flag('selected', value === String(minutes ?? ''))}>
                ${name}
              </option>`,
          )}
        </select></label
      >
      <div class="buttons">
        <button type="submit">Filter</button>
        <a class="button plain" href="/dashboard/tasks">Clear</a>
      </div>
    </div>
    ${
      unusable.length > 0 &&
      html`<p class="problem" role="alert">
        Not a valid filter: ${unusable.join(', ')}. Correct it to see tasks.
      </p>`
    }
  </form>`;
}

function field(name: string, title: string, value: string | undefined): Html {
  return html`<label
    >${title}<input name="${name}" value="${value}" maxlength="128" autocomplete="off"
  /></label>`;
}

function bulkLinks(filters: TaskFilters): Html {
  const query = queryOf(filters).toString();
  const address = (action: string) =>
    `/dashboard/tasks/bulk?action=${action}${query === '' ? '' : `&${query}`}`;
  return html`<p class="bulk">
    <span>All matching tasks:</span>
    <a class="button" href="${address('cancel')}">Cancel…</a>
    <a class="button" href="${address('redrive')}">Redrive…</a>
  </p>`;
}

function emptyList(filters: TaskFilters): Html {
  if (filters.cursor !== undefined) {
    return emptyState(
      'No tasks on this page',
      html`They were removed, or the search is still running. Reload the page.`,
    );
  }
  return queryOf(filters).size === 0
    ? emptyState(
        'No tasks yet',
        html`Post one to <code>/tasks</code>; the <a href="/docs">API page</a> shows how.`,
      )
    : emptyState(
        'No matching tasks',
        html`Remove a filter, or <a href="/dashboard/tasks">list all tasks</a>.`,
      );
}

function pager(filters: TaskFilters, nextCursor: string | undefined): Html {
  const query = queryOf(filters);
  const newest = `/dashboard/tasks?${query.toString()}`;
  if (nextCursor !== undefined) query.set('cursor', nextCursor);
  return html`<nav class="pager" aria-label="Pages">
    ${filters.cursor !== undefined && html`<a class="button" href="${newest}">Newest</a>`}
    ${nextCursor !== undefined && html`<a class="button" href="/dashboard/tasks?${query.toString()}">Older tasks</a>`}
  </nav>`;
}
