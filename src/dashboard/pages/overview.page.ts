import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { mayUseQueue } from '../../auth/principal.js';
import { StatusService, type StatusView } from '../../queue/status.service.js';
import { TASK_STATES, type TaskState } from '../../task/task.js';
import type { Page } from '../page-sender.js';
import { badge, card } from '../parts/components.js';
import { duration, number } from '../parts/format.js';
import { type Html, html } from '../parts/html.js';
import { TimelinePart } from './timeline.part.js';
import { queueTable } from './queues.page.js';

/** What each state means to whoever operates the service. */
const MEANINGS: Readonly<Record<TaskState, string>> = {
  delayed: 'wait for their time',
  queued: 'wait for a worker',
  processing: 'are with a worker',
  completed: 'ended well',
  failed: 'are dead letters',
  cancelled: 'were stopped',
  expired: 'were not started in time',
};

/** How the service fares, at a glance. */
@Injectable()
export class OverviewPage {
  constructor(
    private readonly status: StatusService,
    private readonly timeline: TimelinePart,
  ) {}

  page(principal: Principal): Page {
    return {
      title: 'Overview',
      section: '/dashboard',
      top: html`<h1>Overview</h1>`,
      live: () => this.render(principal),
    };
  }

  private async render(principal: Principal): Promise<Html> {
    const status = await this.status.read((queue) => mayUseQueue(principal, queue));
    return html`${tiles(status)} ${principal.queues.includes('*') && this.timeline.render()}
    ${card('Queues', queueTable(status.queues, false))}`;
  }
}

function tiles(status: StatusView): Html {
  return html`<ul class="tiles">
    ${TASK_STATES.map(
      (state) =>
        html`<li class="tile">
          <a href="/dashboard/tasks?status=${state}">
            ${badge(state)}
            <span class="figure">${number(status[state])}</span>
            <span class="meaning">${MEANINGS[state]}</span>
          </a>
        </li>`,
    )}
    <li class="tile">
      <div>
        <span class="label">Oldest waiting</span>
        <span class="figure"
          >${status.oldest_queued_age === null ? 'none' : duration(status.oldest_queued_age)}</span
        >
        <span class="meaning">age of the task that waits longest</span>
      </div>
    </li>
  </ul>`;
}
