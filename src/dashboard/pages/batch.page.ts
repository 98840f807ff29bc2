import { Injectable } from '@nestjs/common';
import { hasRole, type Principal } from '../../auth/principal.js';
import { isDone, pendingOf } from '../../batches/batch.js';
import { BatchService, type CountedBatch } from '../../batches/batch.service.js';
import { visibleQueues } from '../../queue/queue-access.js';
import { Clock, type Instant } from '../../task/clock.js';
import { countIn, DEAD_LETTER_STATES } from '../../task/task-state.js';
import type { Page } from '../page-sender.js';
import { badge, card, emptyState, facts, orNone, table } from '../parts/components.js';
import { ago, number, plural } from '../parts/format.js';
import { type Html, html, type Part } from '../parts/html.js';
import { progressOf } from '../parts/batch-progress.js';
import { taskColumns } from '../parts/task-columns.js';
import { readFilters } from '../task-filters.js';
import { TaskSearch } from '../task-search.js';
import { tileList } from '../parts/tiles.js';

const NAMED_QUEUES = 5;

/** One batch: its progress, its newest tasks, and the actions on all of them. */
@Injectable()
export class BatchPage {
  constructor(
    private readonly batches: BatchService,
    private readonly search: TaskSearch,
    private readonly clock: Clock,
  ) {}

  /** @throws ProblemError `batch_not_found` */
  async page(principal: Principal, id: string): Promise<Page> {
    const found = await this.find(principal, id);
    return {
      title: `Batch ${id}`,
      section: '/dashboard/batches',
      top: html`<p class="crumbs"><a href="/dashboard/batches">Batches</a></p>
        <h1 class="id">${id}</h1>
        ${hasRole(principal, ['producer']) && actions(found)}`,
      live: () => this.render(principal, id),
    };
  }

  private find(principal: Principal, id: string): Promise<CountedBatch> {
    return this.batches.find(id, visibleQueues(principal, undefined));
  }

  private async render(principal: Principal, id: string): Promise<Html> {
    const now = this.clock.now().wall;
    const filters = readFilters(new URLSearchParams({ batch_id: id }));
    const [found, page] = await Promise.all([
      this.find(principal, id),
      this.search.page(principal, filters, now),
    ]);
    return html`<p class="headline">
        ${badge(isDone(found.counts) ? 'done' : 'running')} ${progressOf(found)}
      </p>
      ${tileList(found.counts, `batch_id=${encodeURIComponent(id)}`)} ${factsOf(found, now)}
      ${card(
        'Its newest tasks',
        table({
          caption: 'Tasks of the batch, newest first',
          columns: taskColumns(now),
          rows: page.tasks,
          empty: emptyState('No tasks', 'Ended tasks are removed after their retention.'),
        }),
        html`<a href="/dashboard/tasks?batch_id=${encodeURIComponent(id)}">All, with filters</a>`,
      )}`;
  }
}

function factsOf({ batch }: CountedBatch, now: Instant): Part {
  if (batch === undefined) return undefined;
  const { maxFailures, callbackUrl, cancelledAt, doneAt } = batch;
  return card(
    'Batch',
    facts([
      ['Enqueued', ago(batch.createdAt, now)],
      ['Done', orNone(doneAt !== undefined && ago(doneAt, now))],
      ['Cancelled', orNone(cancelledAt !== undefined && ago(cancelledAt, now))],
      [
        'Failed tasks that cancel the rest',
        orNone(maxFailures !== undefined && `more than ${number(maxFailures)}`),
      ],
      ['Callback', orNone(callbackUrl !== undefined && 'set')],
      ['Queues', orNone(queuesOf(batch.queues))],
    ]),
  );
}

function queuesOf(queues: readonly string[] | undefined): string | undefined {
  if (queues === undefined) return undefined;
  const more = queues.length - NAMED_QUEUES;
  return `${queues.slice(0, NAMED_QUEUES).join(', ')}${more > 0 ? ` and ${number(more)} more` : ''}`;
}

/** Each leads to a preview with the tasks of the batch. */
function actions({ id, counts }: CountedBatch): Html {
  const address = (action: string, more: string) =>
    `/dashboard/bulk?action=${action}&batch_id=${encodeURIComponent(id)}${more}`;
  const dead = DEAD_LETTER_STATES.map((state) => `&status=${state}`).join('');
  const lost = countIn(counts, DEAD_LETTER_STATES);
  return html`<div class="buttons">
    ${
      lost > 0 &&
      html`<a class="button" href="${address('redrive', dead)}">Redrive ${plural(lost, 'dead letter')}…</a>
        <a class="button" href="${address('redrive', '&status=failed&outcome=failed')}">Only failed…</a>
        <a class="button" href="${address('redrive', '&status=failed&outcome=lost')}">Only lost…</a>`
    }
    ${
      pendingOf(counts) > 0 &&
      html`<a class="button danger" href="${address('cancel', '')}"
        >Cancel ${plural(pendingOf(counts), 'task')}…</a
      >`
    }
  </div>`;
}
