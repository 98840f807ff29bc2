import { Injectable } from '@nestjs/common';
import { mayUseQueue, type Principal } from '../../auth/principal.js';
import { Clock, type Instant } from '../../task/clock.js';
import type { Page } from '../page-sender.js';
import { badge, card, type Column, emptyState, table, taskLink } from '../parts/components.js';
import { ago } from '../parts/format.js';
import { type Html, html } from '../parts/html.js';
import { type RecentTransition, RecentTransitions } from '../recent-transitions.js';

const SHOWN = 100;

/** The latest transitions, newest first. */
@Injectable()
export class EventsPage {
  constructor(
    private readonly transitions: RecentTransitions,
    private readonly clock: Clock,
  ) {}

  page(principal: Principal): Page {
    return {
      title: 'Events',
      section: '/dashboard/events',
      top: html`<h1>Events</h1>
        <p class="lead">The latest transitions of tasks on all replicas, since this process started.</p>`,
      live: async () => this.render(principal),
    };
  }

  private render(principal: Principal): Html {
    const rows = this.transitions.newest(SHOWN, (queue) => mayUseQueue(principal, queue));
    const content = table({
      caption: 'Transitions, newest first',
      columns: columnsAt(this.clock.now().wall),
      rows,
      empty: emptyState('No events yet', 'Transitions of tasks appear here within a second.'),
    });
    return card('Newest first', content);
  }
}

function columnsAt(now: Instant): readonly Column<RecentTransition>[] {
  return [
    { title: 'When', cell: ({ at }) => ago(at, now) },
    { title: 'State', cell: ({ state }) => badge(state) },
    { title: 'Task', cell: ({ id }) => taskLink(id) },
    { title: 'Queue', cell: ({ queue }) => queue },
  ];
}
