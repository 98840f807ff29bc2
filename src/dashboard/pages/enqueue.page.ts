import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import type { FieldProblem } from '../../http/problem.error.js';
import { requireVisible } from '../../queue/queue-access.js';
import { QueueService } from '../../queue/queue.service.js';
import type { Page } from '../page-sender.js';
import { taskLink } from '../parts/components.js';
import { formField, refusal } from '../parts/form-fields.js';
import { html, type Part } from '../parts/html.js';
import { NO_TEXTS, TASK_FIELDS, type TaskFieldName, type TaskTexts, textsOf } from '../task-form.js';

/** A submitted task that was refused. */
export interface RefusedTask {
  readonly texts: TaskTexts;
  readonly problems: readonly FieldProblem[];
  /** The reason for a refusal that concerns no single field. */
  readonly detail?: string;
}

const ROWS: Readonly<Partial<Record<TaskFieldName, number>>> = { code: 14, metadata: 4 };

const HINTS: Readonly<Partial<Record<TaskFieldName, Part>>> = {
  eval_id: 'Choose a new one. An enqueue never changes an existing task.',
  queue: html`Empty means <code>default</code>.`,
  priority: 'Higher goes first.',
  run_at: 'With its UTC offset, such as 2030-01-31T12:00:00Z. Instead of the delay.',
  expires_at: 'With its UTC offset. Instead of the time above.',
  deadline: 'Over all attempts, from the enqueue.',
  deadline_at: 'With its UTC offset. Instead of the time above.',
  requires: html`<code>{"gpu": "h100"}</code>`,
};

/** The form that enqueues a task, empty or filled from an existing one. */
@Injectable()
export class EnqueuePage {
  constructor(private readonly queue: QueueService) {}

  /** @param from the id of the task to start from */
  async page(principal: Principal, from: string | undefined, refused?: RefusedTask): Promise<Page> {
    const texts = refused?.texts ?? (await this.textsFrom(principal, from));
    const title = from === undefined ? 'Enqueue a task' : 'Edit and enqueue again';
    return {
      title,
      section: '/dashboard/tasks',
      top: html`<p class="crumbs"><a href="/dashboard/tasks">Tasks</a></p>
        <h1>${title}</h1>
        ${
          from !== undefined &&
          html`<p class="lead">
            A new task with the fields of ${taskLink(from)}, which stays as it is. Fixed times are left out.
          </p>`
        }
        <form class="card limits" method="post" action="/dashboard/enqueue" aria-label="New task">
          ${refusal(refused?.problems ?? [], refused?.detail)}
          ${from !== undefined && html`<input type="hidden" name="from" value="${from}" />`}
          <div class="limit-fields">
            ${TASK_FIELDS.map((field) =>
              formField(
                { ...field, value: texts[field.name], hint: HINTS[field.name], rows: ROWS[field.name] },
                refused?.problems,
              ),
            )}
          </div>
          <div class="buttons"><button class="primary" type="submit">Enqueue</button></div>
        </form>`,
    };
  }

  /** The fields of an existing task. The key must have access to it. */
  async textsFrom(principal: Principal, from: string | undefined): Promise<TaskTexts> {
    if (from === undefined) return NO_TEXTS;
    const task = requireVisible(principal, await this.queue.find(from));
    return textsOf(task, await this.queue.payload(task));
  }
}
