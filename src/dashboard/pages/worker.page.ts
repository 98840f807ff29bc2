import { Injectable } from '@nestjs/common';
import { hasRole, type Principal } from '../../auth/principal.js';
import { ProblemError } from '../../http/problem.error.js';
import { QueueService } from '../../queue/queue.service.js';
import { Clock } from '../../task/clock.js';
import { isFinalState, TASK_STATES } from '../../task/task-state.js';
import { type KnownWorker, WorkerService } from '../../workers/worker.service.js';
import type { Page } from '../page-sender.js';
import { badge, card, emptyState, facts, orNone, table } from '../parts/components.js';
import { ago, number, plural } from '../parts/format.js';
import { type Html, html } from '../parts/html.js';
import { taskColumns } from '../parts/task-columns.js';
import { readFilters } from '../task-filters.js';
import { scopeOf, TaskSearch } from '../task-search.js';
import { drainForm } from './workers.page.js';

const MEANINGS: Readonly<Record<KnownWorker['state'], string>> = {
  busy: 'holds tasks and sends heartbeats',
  idle: 'waits for tasks',
  silent: 'holds tasks and misses its heartbeats',
  gone: 'signed off, or was inactive for long',
};
const ENDED = TASK_STATES.filter(isFinalState);
const SHOWN_HELD = 100;

/** One worker: its state, the tasks that it holds, and those that it ended. */
@Injectable()
export class WorkerPage {
  constructor(
    private readonly workers: WorkerService,
    private readonly queue: QueueService,
    private readonly search: TaskSearch,
    private readonly clock: Clock,
  ) {}

  /** @throws ProblemError `worker_not_found` */
  async page(principal: Principal, id: string): Promise<Page> {
    await this.find(principal, id);
    return {
      title: `Worker ${id}`,
      section: '/dashboard/workers',
      top: html`<p class="crumbs"><a href="/dashboard/workers">Workers</a></p>
        <h1 class="id">${id}</h1>`,
      live: () => this.render(principal, id),
    };
  }

  private async find(principal: Principal, id: string): Promise<KnownWorker> {
    const worker = (await this.workers.list(principal)).find((one) => one.id === id);
    if (worker !== undefined) return worker;
    throw new ProblemError('worker_not_found', 'No such worker is known; it left or was silent for too long');
  }

  private async render(principal: Principal, id: string): Promise<Html> {
    const now = this.clock.now().wall;
    const worker = await this.find(principal, id);
    const filters = readFilters(new URLSearchParams({ worker_id: id }));
    const scope = scopeOf(principal, filters, now);
    const [held, ended] = await Promise.all([
      this.queue.list({ ...scope, states: ['processing'], limit: SHOWN_HELD }),
      this.search.page(principal, { ...filters, states: ENDED }, now),
    ]);
    const columns = taskColumns(now);
    const address = (states: string) => `/dashboard/tasks?worker_id=${encodeURIComponent(id)}${states}`;
    return html`<p class="headline">
        ${badge(worker.state)} ${worker.isDraining && badge('draining')}
        <span>${MEANINGS[worker.state]}; last seen ${ago(worker.lastSeen, now)}</span>
      </p>
      ${hasRole(principal, []) && html`<div class="buttons">${drainForm(worker)} ${releaseLink(worker)}</div>`}
      ${card('Worker', factsOf(worker))}
      ${card(
        `Holds ${plural(worker.held.length, 'task')}`,
        table({
          caption: 'Tasks that the worker holds',
          columns,
          rows: held.tasks,
          empty: emptyState('No tasks', 'The worker holds no tasks.'),
        }),
      )}
      ${card(
        'Ended last',
        table({
          caption: 'Tasks that the worker ended, newest first',
          columns,
          rows: ended.tasks,
          empty: emptyState('No ended tasks', 'The worker ended none of the newest tasks.'),
        }),
        html`<a href="${address(ENDED.map((state) => `&status=${state}`).join(''))}">All, with filters</a>`,
      )}`;
  }
}

function factsOf({ queues, completed, failed, lost, labels }: KnownWorker): Html {
  const offered = Object.entries(labels ?? {}).map(([label, value]) => `${label}=${value}`);
  return facts([
    ['Queues of its last claim', orNone(queues.join(', '))],
    ['Labels', orNone(offered.join(', '))],
    ['Completed', number(completed)],
    ['Failed', number(failed)],
    ['Lost', number(lost)],
  ]);
}

/** For a worker that will not return: the link that releases its tasks. */
function releaseLink({ id, held }: KnownWorker): Html {
  if (held.length === 0) return html``;
  return html`<a class="button" href="/dashboard/bulk?action=release&worker_id=${encodeURIComponent(id)}"
    >Release its ${plural(held.length, 'task')}…</a
  >`;
}
