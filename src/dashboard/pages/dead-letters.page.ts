import { Injectable } from '@nestjs/common';
import { hasRole, type Principal } from '../../auth/principal.js';
import { Clock, type Instant } from '../../task/clock.js';
import { isFinished, type Task } from '../../task/task.js';
import { DEAD_LETTER_STATES } from '../../task/task-state.js';
import { type DeadGroup, DeadLetters, LOOKED_AT } from '../dead-letters.js';
import type { Page } from '../page-sender.js';
import { card, type Column, emptyState, foreign, orNone, table, taskLink } from '../parts/components.js';
import { ago, number, plural } from '../parts/format.js';
import { type Html, html } from '../parts/html.js';

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
            <a class="button" href="/dashboard/bulk?action=redrive&status=failed&status=expired"
              >Redrive all…</a
            >
          </p>`
        }`,
      live: () => this.render(principal),
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
}

function mayRedrive(principal: Principal): boolean {
  return hasRole(principal, ['producer']);
}

function groupColumns(now: Instant, isRedrivable: boolean): readonly Column<DeadGroup>[] {
  const columns: Column<DeadGroup>[] = [
    {
      title: 'Error',
      isMain: true,
      cell: ({ id, error }) =>
        html`<a href="/dashboard/tasks?${groupQuery(id)}" class="error-text">${foreign(error)}</a>`,
    },
    { title: 'Cause', cell: ({ cause }) => orNone(cause && causeLink(cause)) },
    { title: 'Tasks', isNumber: true, cell: ({ tasks }) => number(tasks.length) },
    { title: 'Queues', cell: ({ tasks }) => queuesOf(tasks) },
    { title: 'Latest', isNumber: true, cell: ({ tasks }) => orNone(endOf(tasks[0], now)) },
    { title: 'Example', cell: ({ tasks }) => orNone(tasks[0] && taskLink(tasks[0].spec.id)) },
  ];
  return isRedrivable ? [...columns, { title: 'Action', cell: redriveGroup }] : columns;
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
  return html`<a class="button" href="/dashboard/bulk?action=redrive&${groupQuery(id)}"
    >Redrive ${plural(tasks.length, 'task')}…</a
  >`;
}

function groupQuery(id: string): string {
  const query = new URLSearchParams({ error_group: id });
  for (const state of DEAD_LETTER_STATES) query.append('status', state);
  return query.toString();
}
