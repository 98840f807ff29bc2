import { Injectable } from '@nestjs/common';
import { hasRole, type Principal } from '../../auth/principal.js';
import { Clock, type Instant } from '../../task/clock.js';
import { isFinished, type Task } from '../../task/task.js';
import { BULK_LIMIT } from '../bulk-actions.js';
import { type DeadGroup, DeadLetters, LOOKED_AT, reasonOf } from '../dead-letters.js';
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
import { confirmation } from '../parts/confirmation.js';
import { ago, errorLine, number, plural } from '../parts/format.js';
import { type Html, html } from '../parts/html.js';
import { workerOf } from './tasks.page.js';

const SHOWN_TASKS = 100;
const SHOWN_QUEUES = 3;

/** Failed and expired tasks grouped by error, with redrives. */
@Injectable()
export class DeadLettersPage {
  constructor(
    private readonly letters: DeadLetters,
    private readonly clock: Clock,
  ) {}

  page(principal: Principal): Page {
    return {
      title: 'Dead letters',
      section: '/dashboard/dead-letters',
      top: html`<h1>Dead letters</h1>
        <p class="lead">Failed and expired tasks, grouped by cause, or by error where workers gave none.</p>
        ${
          mayRedrive(principal) &&
          html`<p class="bulk">
            <a class="button" href="/dashboard/tasks/bulk?action=redrive&status=failed&status=expired"
              >Redrive all…</a
            >
          </p>`
        }`,
      live: () => this.render(principal),
    };
  }

  /** The dead letters of one group, with a redrive for each. */
  groupPage(principal: Principal, id: string): Page {
    return {
      title: 'Dead letters with one error',
      section: '/dashboard/dead-letters',
      top: html`<p class="crumbs"><a href="/dashboard/dead-letters">Dead letters</a></p>
        <h1>Dead letters with one error</h1>`,
      live: () => this.renderGroup(principal, id),
    };
  }

  /**
   * Confirmation page of a group redrive: shows how many tasks it would change, and requires the operator to type the
   * number.
   *
   * @param isMistyped whether the operator typed another number before
   */
  async redrivePage(principal: Principal, id: string, isMistyped = false): Promise<Page> {
    const at = this.clock.now().wall;
    const { count, newest } = await this.letters.count(principal, id, { at, most: BULK_LIMIT });
    const [example] = newest;
    return {
      title: 'Redrive dead letters with one error',
      section: '/dashboard/dead-letters',
      top: html`<p class="crumbs"><a href="/dashboard/dead-letters">Dead letters</a></p>
        <h1>Redrive dead letters with one error</h1>
        ${
          example === undefined
            ? emptyState('None left', 'The tasks were redriven, or their retention has ended.')
            : html`<p class="lead error-text">${foreign(reasonOf(example))}</p>
                ${confirmation({
                  action: `/dashboard/dead-letters/${encodeURIComponent(id)}/redrive`,
                  hidden: [
                    ['at', String(at)],
                    ['count', String(count)],
                  ],
                  headline: html`<b>${plural(count, 'task')}</b> in ${queuesOf(newest)}`,
                  effect: 'The tasks are queued again in their old places, with fresh budgets.',
                  count,
                  isMistyped,
                  button: 'Redrive tasks',
                  back: '/dashboard/dead-letters',
                })}
                ${card(
                  'Newest first',
                  table({
                    caption: 'The newest of these dead letters',
                    columns: letterColumns(at, false),
                    rows: newest,
                    empty: '',
                  }),
                )}`
        }`,
    };
  }

  private async render(principal: Principal): Promise<Html> {
    const now = this.clock.now().wall;
    const rows = await this.letters.groups(principal);
    const count = rows.reduce((sum, { tasks }) => sum + tasks.length, 0);
    const content = table({
      caption: 'Dead letters by cause or error',
      columns: groupColumns(now, mayRedrive(principal)),
      rows,
      empty: emptyState(
        'No dead letters',
        'Failed and expired tasks appear here until their retention ends.',
      ),
    });
    return html`${card('By cause or error', content)}
    ${count >= LOOKED_AT && html`<p class="hint">Only the newest ${number(LOOKED_AT)} are grouped.</p>`}`;
  }

  private async renderGroup(principal: Principal, id: string): Promise<Html> {
    const now = this.clock.now().wall;
    const group = (await this.letters.groups(principal)).find((one) => one.id === id);
    const rows = group?.tasks.slice(0, SHOWN_TASKS) ?? [];
    const content = table({
      caption: 'Dead letters with this error, newest first',
      columns: letterColumns(now, mayRedrive(principal)),
      rows,
      empty: emptyState('None left', html`The tasks were redriven, or their retention has ended.`),
    });
    return html`${group && html`<p class="lead error-text">${foreign(group.error)}</p>`}
    ${group && mayRedrive(principal) && html`<p class="bulk">${redriveGroup(group)}</p>`}
    ${card(group === undefined ? 'Tasks' : plural(group.tasks.length, 'task'), content)}`;
  }
}

function mayRedrive(principal: Principal): boolean {
  return hasRole(principal, ['producer']);
}

function groupColumns(now: Instant, isRedrivable: boolean): readonly Column<DeadGroup>[] {
  const columns: Column<DeadGroup>[] = [
    {
      title: 'Error',
      cell: ({ id, error }) =>
        html`<a href="/dashboard/dead-letters/${id}" class="error-text">${foreign(error)}</a>`,
    },
    { title: 'Cause', cell: ({ cause }) => orNone(cause && causeLink(cause)) },
    { title: 'Tasks', isNumber: true, cell: ({ tasks }) => number(tasks.length) },
    { title: 'Queues', cell: ({ tasks }) => queuesOf(tasks) },
    { title: 'Latest', isNumber: true, cell: ({ tasks }) => orNone(endOf(tasks[0], now)) },
    { title: 'Example', cell: ({ tasks }) => orNone(tasks[0] && taskLink(tasks[0].spec.id)) },
  ];
  return isRedrivable ? [...columns, { title: 'Action', cell: redriveGroup }] : columns;
}

function letterColumns(now: Instant, isRedrivable: boolean): readonly Column<Task>[] {
  const columns: Column<Task>[] = [
    { title: 'Task', cell: ({ spec }) => taskLink(spec.id) },
    { title: 'State', cell: ({ state }) => badge(state) },
    { title: 'Queue', cell: ({ spec }) => spec.queue },
    { title: 'Worker', cell: (task) => orNone(workerOf(task)) },
    { title: 'Ended', isNumber: true, cell: (task) => orNone(endOf(task, now)) },
    { title: 'Error', cell: ({ last }) => orNone(last?.error && foreign(errorLine(last.error, 80))) },
  ];
  return isRedrivable ? [...columns, { title: 'Action', cell: redriveOne }] : columns;
}

/** All tasks with this cause, also those that have attempts left. */
function causeLink(cause: string): Html {
  return html`<a href="/dashboard/tasks?cause=${encodeURIComponent(cause)}">${cause}</a>`;
}

function endOf(task: Task | undefined, now: Instant): Html | undefined {
  return task !== undefined && isFinished(task) ? ago(task.finishedAt, now) : undefined;
}

function queuesOf(tasks: readonly Task[]): string {
  const names = [...new Set(tasks.map(({ spec }) => spec.queue))];
  const more = names.length - SHOWN_QUEUES;
  return `${names.slice(0, SHOWN_QUEUES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function redriveGroup({ id, tasks }: DeadGroup): Html {
  return html`<a class="button" href="/dashboard/dead-letters/${id}/redrive"
    >Redrive ${plural(tasks.length, 'task')}…</a
  >`;
}

function redriveOne({ spec }: Task): Html {
  return html`<form method="post" action="/dashboard/tasks/${encodeURIComponent(spec.id)}/redrive">
    <button type="submit" aria-label="Redrive ${spec.id}">Redrive</button>
  </form>`;
}
