import { Injectable } from '@nestjs/common';
import { hasRole, type Principal } from '../../auth/principal.js';
import { Clock, type Instant } from '../../task/clock.js';
import { type KnownWorker, WorkerService } from '../../workers/worker.service.js';
import type { Page } from '../page-sender.js';
import { badge, card, type Column, emptyState, orNone, table, taskLink } from '../parts/components.js';
import { ago, number } from '../parts/format.js';
import { type Html, html } from '../parts/html.js';

const NAMED_TASKS = 3;
/** More rows would take a browser, and the service, too long every second. */
const WORKERS_SHOWN = 500;

/** Workers, their tasks, and the button that drains a worker. */
@Injectable()
export class WorkersPage {
  constructor(
    private readonly workers: WorkerService,
    private readonly clock: Clock,
  ) {}

  page(principal: Principal): Page {
    return {
      title: 'Workers',
      section: '/dashboard/workers',
      top: html`<h1>Workers</h1>
        <p class="lead">
          A silent worker holds tasks and misses its heartbeats. A draining worker finishes its tasks and gets
          no more.
        </p>`,
      live: () => this.render(principal),
    };
  }

  private async render(principal: Principal): Promise<Html> {
    const workers = await this.workers.list(principal);
    const rows = workers.slice(0, WORKERS_SHOWN);
    const more = workers.length - rows.length;
    const columns = columnsAt(this.clock.now().wall);
    const content = table({
      caption: 'Workers',
      columns: hasRole(principal, []) ? [...columns, DRAIN] : columns,
      rows,
      empty: emptyState('No workers', html`A worker appears when it claims with a <code>worker_id</code>.`),
    });
    const rest = html`<p class="hint">
      And ${number(more)} more, by name. <code>GET /workers</code> lists all.
    </p>`;
    return card('By name', content, more > 0 && rest);
  }
}

function columnsAt(now: Instant): readonly Column<KnownWorker>[] {
  return [
    {
      title: 'Worker',
      isMain: true,
      cell: ({ id }) => html`<a class="id" href="/dashboard/workers/${encodeURIComponent(id)}">${id}</a>`,
    },
    {
      title: 'State',
      cell: ({ state, isDraining, quarantine }) =>
        html`${badge(state)} ${isDraining && badge('draining')}
        ${quarantine && html`<span class="hint">Quarantined: ${quarantine.reason}</span>`}`,
    },
    { title: 'Queues', cell: ({ queues }) => orNone(queues.join(', ')) },
    { title: 'Held tasks', cell: ({ held }) => orNone(held.length > 0 && heldTasks(held)) },
    { title: 'Completed', isNumber: true, cell: ({ completed }) => number(completed) },
    { title: 'Failed', isNumber: true, cell: ({ failed }) => number(failed) },
    { title: 'Lost', isNumber: true, cell: ({ lost }) => number(lost) },
    { title: 'Last seen', isNumber: true, cell: ({ lastSeen }) => ago(lastSeen, now) },
  ];
}

function heldTasks(held: KnownWorker['held']): Html {
  const more = held.length - NAMED_TASKS;
  return html`<span class="lines"
    >${held.slice(0, NAMED_TASKS).map(({ id }) => html`${taskLink(id)} `)}${more > 0 && html`<span>and ${more} more</span>`}</span
  >`;
}

const DRAIN: Column<KnownWorker> = { title: 'Action', cell: drainForm };

/** The button that drains or resumes a worker. */
export function drainForm({ id, isDraining }: Pick<KnownWorker, 'id' | 'isDraining'>): Html {
  const verb = isDraining ? 'resume' : 'drain';
  return html`<form method="post" action="/dashboard/workers/${encodeURIComponent(id)}/${verb}">
    <button type="submit" aria-label="${isDraining ? 'Resume' : 'Drain'} ${id}">
      ${isDraining ? 'Resume' : 'Drain'}
    </button>
  </form>`;
}
