import { Injectable } from '@nestjs/common';
import { BatchService, type CountedBatch } from '../../batches/batch.service.js';
import type { Principal } from '../../auth/principal.js';
import { visibleQueues } from '../../queue/queue-access.js';
import { Clock, type Instant } from '../../task/clock.js';
import type { Page } from '../page-sender.js';
import { progressOf } from '../parts/batch-progress.js';
import { card, type Column, emptyState, orNone, table } from '../parts/components.js';
import { ago, number } from '../parts/format.js';
import { type Html, html } from '../parts/html.js';
import { WAITING_STATES, countIn } from '../../task/task-state.js';

const SHOWN = 50;

/** The newest batches and their progress. */
@Injectable()
export class BatchesPage {
  constructor(
    private readonly batches: BatchService,
    private readonly clock: Clock,
  ) {}

  page(principal: Principal): Page {
    return {
      title: 'Batches',
      section: '/dashboard/batches',
      top: html`<h1>Batches</h1>
        <p class="lead">Tasks with the same <code>batch_id</code>.</p>`,
      live: () => this.render(principal),
    };
  }

  private async render(principal: Principal): Promise<Html> {
    const { batches } = await this.batches.list(SHOWN, { queues: visibleQueues(principal, undefined) });
    const content = table({
      caption: 'Batches, newest first',
      columns: columnsAt(this.clock.now().wall),
      rows: batches,
      empty: emptyState('No batches yet', html`Create one with <code>POST /tasks/batch</code>.`),
    });
    return card('Newest first', content);
  }
}

function columnsAt(now: Instant): readonly Column<CountedBatch>[] {
  return [
    {
      title: 'Batch',
      isMain: true,
      cell: ({ id }) => html`<a class="id" href="/dashboard/batches/${encodeURIComponent(id)}">${id}</a>`,
    },
    { title: 'Progress', cell: progressOf },
    { title: 'Waiting', isNumber: true, cell: ({ counts }) => number(countIn(counts, WAITING_STATES)) },
    { title: 'Processing', isNumber: true, cell: ({ counts }) => number(counts.processing) },
    { title: 'Completed', isNumber: true, cell: ({ counts }) => number(counts.completed) },
    { title: 'Failed', isNumber: true, cell: ({ counts }) => number(counts.failed + counts.expired) },
    { title: 'Cancelled', isNumber: true, cell: ({ counts }) => number(counts.cancelled) },
    { title: 'Enqueued', isNumber: true, cell: ({ batch }) => orNone(batch && ago(batch.createdAt, now)) },
  ];
}
