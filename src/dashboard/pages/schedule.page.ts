import { Injectable } from '@nestjs/common';
import { hasRole, mayUseQueue, type Principal } from '../../auth/principal.js';
import type { FieldProblem } from '../../http/problem.error.js';
import { CATCH_UP } from '../../schedules/schedule.js';
import { type KnownSchedule, ScheduleService } from '../../schedules/schedule.service.js';
import { CronTimes } from '../../schedules/cron-times.js';
import { Clock } from '../../task/clock.js';
import type { Page } from '../page-sender.js';
import { badge, card } from '../parts/components.js';
import { formField, refusal } from '../parts/form-fields.js';
import { moment } from '../parts/format.js';
import { flag, type Html, html, type Part } from '../parts/html.js';
import { requireRole } from '../session/require-role.js';
import { NEW_SCHEDULE, type ScheduleTexts, textsOf } from '../schedule-form.js';

/** A submitted schedule that was refused. */
export interface RefusedSchedule {
  readonly texts: ScheduleTexts;
  readonly problems: readonly FieldProblem[];
  /** The reason for a refusal that concerns no single field. */
  readonly detail: string;
}

const NEXT_SHOWN = 5;

const CATCH_UP_WORDS: Readonly<Record<(typeof CATCH_UP)[number], string>> = {
  skip: 'skip them',
  one: 'one task for the latest',
  all: 'a task for each of the latest 1,000',
};

/** One schedule: its next due times, its actions, and the form that changes it. */
@Injectable()
export class SchedulePage {
  constructor(
    private readonly schedules: ScheduleService,
    private readonly clock: Clock,
  ) {}

  /** The empty form, or a refused one. */
  newPage(principal: Principal, refused?: RefusedSchedule): Page {
    requireRole(principal, 'producer');
    return {
      title: 'New schedule',
      section: '/dashboard/schedules',
      top: html`<p class="crumbs"><a href="/dashboard/schedules">Schedules</a></p>
        <h1>New schedule</h1>
        ${form('/dashboard/new-schedule', refused?.texts ?? NEW_SCHEDULE, refused)}`,
    };
  }

  /** @throws ProblemError `schedule_not_found`, also without access to its queue */
  async page(principal: Principal, id: string, refused?: RefusedSchedule): Promise<Page> {
    const known = await this.find(principal, id);
    const { schedule } = known;
    const address = addressOf(id);
    const mayChange = hasRole(principal, ['producer']);
    return {
      title: `Schedule ${id}`,
      section: '/dashboard/schedules',
      address,
      top: html`<p class="crumbs"><a href="/dashboard/schedules">Schedules</a></p>
        <h1 class="id">${id}</h1>
        ${mayChange && actions(known)} ${card('Next due times', this.nextTimes(known))}
        ${mayChange && form(address, refused?.texts ?? textsOf(schedule), refused)}`,
    };
  }

  /** Confirmation page of the deletion. */
  async deletePage(principal: Principal, id: string): Promise<Page> {
    requireRole(principal, 'producer');
    await this.find(principal, id);
    return {
      title: 'Delete schedule',
      section: '/dashboard/schedules',
      top: html`<p class="crumbs"><a href="${addressOf(id)}">${id}</a></p>
        <h1>Delete schedule</h1>
        <form class="card confirm" method="post" action="${addressOf(id)}/delete">
          <p class="headline"><b class="id">${id}</b></p>
          <p>No more tasks become due. Tasks that it enqueued stay.</p>
          <div class="buttons">
            <button class="danger" type="submit">Delete schedule</button>
            <a class="button plain" href="${addressOf(id)}">Back</a>
          </div>
        </form>`,
    };
  }

  /** @throws ProblemError `schedule_not_found`, also without access to its queue */
  async find(principal: Principal, id: string): Promise<KnownSchedule> {
    return this.schedules.find(id, (queue) => mayUseQueue(principal, queue));
  }

  private nextTimes({ schedule }: KnownSchedule): Part {
    if (schedule.isPaused) return html`<p class="hint">Paused: no task is due.</p>`;
    const next = CronTimes.of(schedule.cron, schedule.timezone).next(NEXT_SHOWN, this.clock.now().wall);
    return html`<ol>
      ${next.map((due) => html`<li>${moment(due)}</li>`)}
    </ol>`;
  }
}

function addressOf(id: string): string {
  return `/dashboard/schedules/${encodeURIComponent(id)}`;
}

function actions({ schedule }: KnownSchedule): Html {
  const { id, isPaused } = schedule;
  const verb = isPaused ? 'resume' : 'pause';
  return html`<p class="headline">${badge(isPaused ? 'paused' : 'active')}</p>
    <div class="buttons">
      <form method="post" action="${addressOf(id)}/trigger"><button type="submit">Enqueue now</button></form>
      <form method="post" action="${addressOf(id)}/${verb}">
        <button type="submit">${isPaused ? 'Resume' : 'Pause'}</button>
      </form>
      <a class="button danger" href="${addressOf(id)}/delete">Delete…</a>
    </div>`;
}

function form(action: string, texts: ScheduleTexts, refused: RefusedSchedule | undefined): Html {
  const problems = refused?.problems ?? [];
  const isNew = action === '/dashboard/new-schedule';
  return html`<form class="card limits" method="post" action="${action}" aria-label="Schedule">
    <header class="card-head"><h2>${isNew ? 'Schedule' : 'Change it'}</h2></header>
    ${refusal(problems, refused?.detail)}
    <div class="limit-fields">
      ${
        isNew
          ? formField({ name: 'schedule_id', title: 'Id', value: texts.schedule_id }, problems)
          : html`<input type="hidden" name="schedule_id" value="${texts.schedule_id}" />`
      }
      ${formField(
        {
          name: 'cron',
          title: 'Cron expression',
          value: texts.cron,
          hint: 'Minute, hour, day of the month, month, day of the week; or @hourly, @daily.',
        },
        problems,
      )}
      ${formField({ name: 'timezone', title: 'Time zone', value: texts.timezone }, problems)}
      <div class="limit">
        <label for="field-catch_up">Missed due times</label>
        <span class="measure">
          <select id="field-catch_up" name="catch_up">
            ${CATCH_UP.map(
              (one) =>
                html`<option value="${one}" ${flag('selected', one === texts.catch_up)}>
                  ${CATCH_UP_WORDS[one]}
                </option>`,
            )}
          </select>
        </span>
      </div>
      <label class="choice"
        ><input
          type="checkbox"
          name="paused"
          value="true"
          ${flag('checked', texts.paused === 'true')}
        />Paused</label
      >
      ${formField(
        {
          name: 'task',
          title: 'Task, as JSON',
          value: texts.task,
          rows: 12,
          hint: 'As in POST /tasks, without eval_id, run_at and expires_at.',
        },
        problems,
      )}
    </div>
    <div class="buttons"><button class="primary" type="submit">Save schedule</button></div>
  </form>`;
}
