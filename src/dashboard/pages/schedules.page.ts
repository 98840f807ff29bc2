import { Injectable } from '@nestjs/common';
import { hasRole, mayUseQueue, type Principal } from '../../auth/principal.js';
import { CronTimes } from '../../schedules/cron-times.js';
import { taskIdAt } from '../../schedules/schedule.js';
import { type KnownSchedule, ScheduleService } from '../../schedules/schedule.service.js';
import { Clock, type Instant } from '../../task/clock.js';
import type { Page } from '../page-sender.js';
import { badge, card, type Column, emptyState, orNone, table, taskLink } from '../parts/components.js';
import { ago } from '../parts/format.js';
import { type Html, html } from '../parts/html.js';

const SHOWN = 100;

/** All schedules and their next due times. */
@Injectable()
export class SchedulesPage {
  constructor(
    private readonly schedules: ScheduleService,
    private readonly clock: Clock,
  ) {}

  page(principal: Principal): Page {
    return {
      title: 'Schedules',
      section: '/dashboard/schedules',
      top: html`<div class="title-row">
          <h1>Schedules</h1>
          ${
            hasRole(principal, ['producer']) &&
            html`<a class="button primary" href="/dashboard/new-schedule">New schedule</a>`
          }
        </div>
        <p class="lead">Cron expressions that enqueue one task per due time.</p>`,
      live: () => this.render(principal),
    };
  }

  private async render(principal: Principal): Promise<Html> {
    const isVisible = (queue: string) => mayUseQueue(principal, queue);
    const { known } = await this.schedules.list(SHOWN, { isVisible });
    const content = table({
      caption: 'Schedules',
      columns: columnsAt(this.clock.now().wall),
      rows: known,
      empty: emptyState(
        'No schedules yet',
        html`Create one with <code>POST /schedules</code>; see the <a href="/docs">API page</a>.`,
      ),
    });
    return card('Newest first', content);
  }
}

function columnsAt(now: Instant): readonly Column<KnownSchedule>[] {
  return [
    {
      title: 'Schedule',
      isMain: true,
      cell: ({ schedule }) =>
        html`<a class="id" href="/dashboard/schedules/${encodeURIComponent(schedule.id)}">${schedule.id}</a>`,
    },
    { title: 'Status', cell: ({ schedule }) => badge(schedule.isPaused ? 'paused' : 'active') },
    { title: 'Cron', cell: ({ schedule }) => html`<code>${schedule.cron}</code> ${schedule.timezone}` },
    { title: 'Queue', cell: ({ schedule }) => schedule.queue },
    { title: 'Next', isNumber: true, cell: (known) => orNone(nextOf(known, now)) },
    { title: 'Last', isNumber: true, cell: ({ run }) => orNone(run && ago(run.until, now)) },
    {
      title: 'Last task',
      cell: ({ schedule, run }) => orNone(run && taskLink(taskIdAt(schedule.id, run.until))),
    },
  ];
}

function nextOf({ schedule }: KnownSchedule, now: Instant): Html | undefined {
  if (schedule.isPaused) return undefined;
  const next = CronTimes.of(schedule.cron, schedule.timezone).after(now);
  return next === undefined ? undefined : ago(next, now);
}
