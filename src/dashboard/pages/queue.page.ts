import { Injectable } from '@nestjs/common';
import { hasRole, type Principal } from '../../auth/principal.js';
import type { FieldProblem } from '../../http/problem.error.js';
import { requireQueue } from '../../queue/queue-access.js';
import { type QueueStatus, StatusService } from '../../queue/status.service.js';
import { QueueAdminService } from '../../queue-admin/queue-admin.service.js';
import type { QueueSettings } from '../../task/queue-settings.js';
import { type LimitTexts, textsOf } from '../limits-form.js';
import type { Page } from '../page-sender.js';
import { QueueHolds } from '../queue-holds.js';
import { badge, card } from '../parts/components.js';
import { plural } from '../parts/format.js';
import { type Html, html, type Part } from '../parts/html.js';
import { limitsForm, limitsInWords } from '../parts/limits.js';
import { tiles } from '../parts/tiles.js';
import { NO_TASKS, pauseForm } from './queues.page.js';
import { type Period, TimelinePart } from './timeline-part.js';
import { countIn } from '../../task/task-state.js';

/** Submitted limits that are invalid. */
export interface RefusedLimits {
  readonly texts: LimitTexts;
  readonly problems: readonly FieldProblem[];
}

/** How the page is shown. */
export interface QueueView {
  readonly period: Period;
  readonly refused?: RefusedLimits;
}

/** One queue: its counts, its limits, and the actions on the whole queue. */
@Injectable()
export class QueuePage {
  constructor(
    private readonly status: StatusService,
    private readonly queues: QueueAdminService,
    private readonly holds: QueueHolds,
    private readonly timeline: TimelinePart,
  ) {}

  /** @throws ProblemError `forbidden` */
  async page(principal: Principal, queue: string, { period, refused }: QueueView): Promise<Page> {
    requireQueue(principal, queue);
    const isAdmin = hasRole(principal, []);
    const { settings } = await this.queues.find(queue);
    return {
      title: queue,
      section: '/dashboard/queues',
      address: refused && `/dashboard/queues/${encodeURIComponent(queue)}`,
      top: html`<p class="crumbs"><a href="/dashboard/queues">Queues</a></p>
        <h1 class="id">${queue}</h1>`,
      live: () => this.render(queue, isAdmin, period),
      bottom: isAdmin && limitsForm(queue, refused?.texts ?? textsOf(settings), refused?.problems),
    };
  }

  /** Confirmation page of a purge: shows what it removes, and requires the operator to type the queue's name. */
  async purgePage(principal: Principal, queue: string, isMistyped = false): Promise<Page> {
    requireQueue(principal, queue);
    const counts = await this.countsOf(queue);
    const total = countIn(counts);
    return {
      title: 'Purge queue',
      section: '/dashboard/queues',
      top: html`<p class="crumbs"><a href="/dashboard/queues/${encodeURIComponent(queue)}">${queue}</a></p>
        <h1>Purge queue</h1>
        ${purgeForm(queue, total, isMistyped)}`,
    };
  }

  private async countsOf(queue: string): Promise<QueueStatus> {
    return (await this.status.readQueue(queue)) ?? NO_TASKS;
  }

  private async render(queue: string, isAdmin: boolean, period: Period): Promise<Html> {
    const [counts, { settings }] = await Promise.all([this.countsOf(queue), this.queues.find(queue)]);
    const isPaused = settings.paused === true;
    const holds = await this.holds.of([{ ...counts, queue, settings }]);
    return html`<p class="headline">
        ${badge(isPaused ? 'paused' : 'active')}
        <span>
          ${isPaused ? 'Workers get no tasks; enqueues continue.' : 'Workers can claim tasks.'}
          <a href="/dashboard/tasks?queue=${encodeURIComponent(queue)}">List its tasks</a>
        </span>
      </p>
      ${holdNote(holds.get(queue))} ${isAdmin && actions(queue, settings)} ${tiles(counts, queue)}
      ${await this.timeline.render(period, queue)} ${!isAdmin && card('Limits', limitList(settings))}`;
  }
}

function holdNote(reasons: readonly string[] | undefined): Part {
  return reasons && html`<p class="hold">Waiting tasks are held back: ${reasons.join('; ')}.</p>`;
}

function actions(queue: string, settings: QueueSettings): Html {
  return html`<div class="buttons">
    ${pauseForm(queue, settings)}
    <a class="button danger" href="/dashboard/queues/${encodeURIComponent(queue)}/purge">Purge…</a>
  </div>`;
}

function limitList(settings: QueueSettings): Html {
  const words = limitsInWords(settings);
  return words.length === 0
    ? html`<p class="hint">No limits.</p>`
    : html`<ul class="limit-list">
        ${words.map((limit) => html`<li>${limit}</li>`)}
      </ul>`;
}

function purgeForm(queue: string, total: number, isMistyped: boolean): Html {
  return html`<form
    class="card confirm"
    method="post"
    action="/dashboard/queues/${encodeURIComponent(queue)}/purge"
  >
    <p class="headline"><b>${plural(total, 'task')}</b> in queue <b class="id">${queue}</b></p>
    <p>This deletes all tasks of the queue with their history, including held ones. You cannot undo it.</p>
    <label>Type ${queue} to confirm<input name="typed" autocomplete="off" required /></label>
    ${isMistyped && html`<p class="problem" role="alert">The name does not match; nothing was removed.</p>`}
    <div class="buttons">
      <button class="danger" type="submit">Purge queue</button>
      <a class="button plain" href="/dashboard/queues/${encodeURIComponent(queue)}">Back</a>
    </div>
  </form>`;
}
