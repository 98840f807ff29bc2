import { Injectable } from '@nestjs/common';
import { hasRole, type Principal } from '../../auth/principal.js';
import { mayUseQueue } from '../../auth/principal.js';
import { type QueueStatus, StatusService } from '../../queue/status.service.js';
import { Clock, type Instant } from '../../task/clock.js';
import { TASK_STATES } from '../../task/task-state.js';
import { actionsFor, type BulkAction } from '../bulk-actions.js';
import { reasonOf } from '../error-groups.js';
import type { Page } from '../page-sender.js';
import { card, emptyState, foreign, table } from '../parts/components.js';
import { number, plural } from '../parts/format.js';
import { flag, type Html, html, type Part } from '../parts/html.js';
import { taskColumns } from '../parts/task-columns.js';
import { searchTextOf } from '../search-text.js';
import { extraConditionOf, queryOf, readFilters, type TaskFilters } from '../task-filters.js';
import { type FoundPage, TaskSearch } from '../task-search.js';

const PERIODS = [
  ['', 'any time'],
  ['15', 'the last 15 minutes'],
  ['60', 'the last hour'],
  ['1440', 'the last day'],
] as const;

const SELECTION = { form: 'bulk', name: 'task', value: ({ spec }: { spec: { id: string } }) => spec.id };

const BUTTONS: Readonly<Record<BulkAction, string>> = {
  cancel: 'Cancel…',
  redrive: 'Redrive…',
  prioritize: 'Priority…',
  release: 'Release…',
  delete: 'Delete…',
};

/** The tasks that match the address's filters, newest first. */
@Injectable()
export class TasksPage {
  constructor(
    private readonly search: TaskSearch,
    private readonly status: StatusService,
    private readonly clock: Clock,
  ) {}

  async page(principal: Principal, query: URLSearchParams): Promise<Page> {
    const filters = readFilters(query);
    const isUsable = filters.unusable.length === 0;
    const page: Page = {
      title: titleOf(filters),
      section: '/dashboard/tasks',
      search: searchTextOf(filters),
      top: html`<div class="title-row">
          <h1>Tasks</h1>
          ${
            hasRole(principal, ['producer']) &&
            html`<a class="button primary" href="/dashboard/enqueue">Enqueue a task</a>`
          }
        </div>
        ${filterForm(filters)} ${isUsable && bulkForm(principal, filters)}`,
    };
    // Without the invalid filter the list would show more tasks than requested.
    if (!isUsable) return page;
    const render = () => this.render(principal, filters);
    // A search reads thousands of tasks, too many for every second.
    return extraConditionOf(filters) === undefined
      ? { ...page, live: render }
      : { ...page, bottom: await render() };
  }

  private async render(principal: Principal, filters: TaskFilters): Promise<Html> {
    const now = this.clock.now().wall;
    const [page, total, counts] = await Promise.all([
      this.search.page(principal, filters, now),
      this.search.total(principal, filters),
      this.counts(principal, filters.queue),
    ]);
    return html`${stateTabs(filters, counts)} ${errorOf(filters, page)}
    ${card(
      total === undefined ? 'Newest first' : `${plural(total, 'task')}, newest first`,
      table({
        caption: 'Tasks, newest first',
        columns: taskColumns(now),
        rows: page.tasks,
        empty: emptyList(filters),
        select: actionsFor(principal).length > 0 ? SELECTION : undefined,
      }),
      readNote(filters, page),
    )}
    ${pager(filters, page.nextCursor)}`;
  }

  private async counts(principal: Principal, queue: string | undefined): Promise<QueueStatus | undefined> {
    const isVisible = (name: string) => mayUseQueue(principal, name);
    if (queue === undefined) return this.status.readTotals(isVisible);
    return isVisible(queue) ? this.status.readQueue(queue) : undefined;
  }
}

function titleOf(filters: TaskFilters): string {
  const text = searchTextOf(filters);
  return text === '' ? 'Tasks' : `Tasks ${text}`;
}

/** What the search covered, when the store could not tell which tasks match. */
function readNote(filters: TaskFilters, { read, nextCursor }: FoundPage): Part {
  if (extraConditionOf(filters) === undefined) return undefined;
  return html`<p class="hint">
    ${nextCursor === undefined ? `Read all ${number(read)}` : `Read ${number(read)} so far`}. This list does
    not update itself.
  </p>`;
}

/** The states with their counts; each shows only its tasks. The counts cover the queue, or all queues. */
function stateTabs(filters: TaskFilters, counts: QueueStatus | undefined): Html {
  const address = (states: TaskFilters['states']) =>
    `/dashboard/tasks?${queryOf({ ...filters, states }).toString()}`;
  const isAll = filters.states.length === 0;
  return html`<nav class="tabs" aria-label="States">
    <a href="${address([])}" aria-current="${isAll ? 'true' : 'false'}">All</a>
    ${TASK_STATES.map((state) => {
      const isShown = filters.states.includes(state);
      return html`<a href="${address([state])}" aria-current="${isShown ? 'true' : 'false'}"
        >${state} <span class="count">${number(counts?.[state] ?? 0)}</span></a
      >`;
    })}
  </nav>`;
}

function errorOf({ errorGroup }: TaskFilters, { tasks }: FoundPage): Part {
  const [first] = tasks;
  if (errorGroup === undefined || first === undefined) return undefined;
  return html`<p class="lead error-text">${foreign(reasonOf(first))}</p>`;
}

function filterForm(filters: TaskFilters): Html {
  const { states, minutes, unusable, errors, words } = filters;
  const isUsed = queryOf({ ...filters, states: [] }).size > 0 || states.length > 1 || unusable.length > 0;
  return html`<details class="filter-box" ${flag('open', isUsed)}>
    <summary>Filters</summary>
    <form class="filters" action="/dashboard/tasks" method="get">
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
        ${field('id', 'Id begins with', filters.id)} ${field('queue', 'Queue', filters.queue)}
        ${field('group', 'Group', filters.group)} ${field('batch_id', 'Batch', filters.batch)}
        ${field('worker_id', 'Worker', filters.worker)} ${field('cause', 'Cause', filters.cause)}
        ${field('error', 'Error contains', errors[0])} ${field('exit_code', 'Exit code', filters.exitCode)}
        <label
          >Enqueued<select name="minutes">
            ${periods(minutes)}
          </select></label
        >
        ${momentField('ended_after', 'Ended from', filters.endedAfter)}
        ${momentField('ended_before', 'Ended before', filters.endedBefore)} ${kept('error', errors.slice(1))}
        ${kept('text', words)}
        ${filters.errorGroup !== undefined && kept('error_group', [filters.errorGroup])}
        ${filters.outcome !== undefined && kept('outcome', [filters.outcome])}
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
    </form>
  </details>`;
}

/** The usual periods, and the one of the address. */
function periods(minutes: number | undefined): Html {
  const chosen = String(minutes ?? '');
  const isUsual = PERIODS.some(([value]) => value === chosen);
  const all: readonly (readonly [string, string])[] = isUsual
    ? PERIODS
    : [...PERIODS, [chosen, `the last ${plural(minutes ?? 0, 'minute')}`]];
  return html`${all.map(
    ([value, name]) => html`<option value="${value}" ${flag('selected', value === chosen)}>${name}</option>`,
  )}`;
}

function field(name: string, title: string, value: string | number | undefined): Html {
  return html`<label
    >${title}<input name="${name}" value="${value}" maxlength="200" autocomplete="off"
  /></label>`;
}

/** In UTC; the script shows it in the zone that the operator chose. */
function momentField(name: string, title: string, value: Instant | undefined): Html {
  const text = value === undefined ? '' : new Date(value).toISOString().slice(0, 16);
  return html`<label
    >${title} <span class="zone">UTC</span
    ><input type="datetime-local" name="${name}" value="${text}" data-moment
  /></label>`;
}

function kept(name: string, values: readonly string[]): Html {
  return html`${values.map((value) => html`<input type="hidden" name="${name}" value="${value}" />`)}`;
}

/** The actions on the selected rows, or on all matching tasks. */
function bulkForm(principal: Principal, filters: TaskFilters): Part {
  const actions = actionsFor(principal);
  if (actions.length === 0) return undefined;
  return html`<form id="bulk" class="bulk" method="post" action="/dashboard/bulk/preview">
    ${[...queryOf(filters)].map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
    <span data-selected-text="All matching tasks:" aria-live="polite">All matching tasks:</span>
    ${actions.map(
      (action) => html`<button type="submit" name="action" value="${action}">${BUTTONS[action]}</button>`,
    )}
  </form>`;
}

function emptyList(filters: TaskFilters): Html {
  if (filters.cursor !== undefined) {
    return emptyState(
      'No tasks on this page',
      html`They were removed, or the search is still running. Continue with “Older tasks”.`,
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
