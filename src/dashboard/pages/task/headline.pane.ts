import { Injectable } from '@nestjs/common';
import { hasRole, type Principal } from '../../../auth/principal.js';
import { leaseEnd } from '../../../task/task.machine.js';
import { priorityOf, type Task } from '../../../task/task.js';
import { isFinalState, isRedrivableState, isWaitingState } from '../../../task/task-state.js';
import { badge, foreign } from '../../parts/components.js';
import { ago } from '../../parts/format.js';
import { type Html, html, type Part } from '../../parts/html.js';
import { priorityField } from '../../parts/priority-field.js';
import { TaskPane, type TaskSight } from './task-pane.js';

/** The state in words, and the actions that it allows. */
@Injectable()
export class HeadlinePane extends TaskPane {
  render(sight: TaskSight): Html {
    const { task, principal } = sight;
    return html`<p class="headline">${badge(task.state)} <span>${headlineOf(sight)}</span></p>
      ${hasRole(principal, ['producer']) && actions(task, principal)}`;
  }
}

const REASONS = {
  failed: 'no attempts left',
  lost: 'no interruptions left',
  deadline: 'its deadline passed',
} as const;

function headlineOf({ task, position, now }: TaskSight): Part {
  switch (task.state) {
    case 'delayed':
      return html`Starts ${ago(task.runAt, now)} at the earliest`;
    case 'queued':
      return html`Queued ${ago(task.queuedAt, now)}${position !== undefined && html`, position ${position}`}`;
    case 'processing':
      return html`Held by ${task.lease.workerId ?? 'an unnamed worker'}; lease ends
      ${ago(leaseEnd(task.lease), now)}`;
    case 'completed':
      return html`Completed ${ago(task.finishedAt, now)}`;
    case 'failed':
      return html`Failed ${ago(task.finishedAt, now)}: ${REASONS[task.outcome]}`;
    case 'cancelled':
      return html`Cancelled
      ${ago(task.finishedAt, now)}${task.reason !== undefined && html`: ${foreign(task.reason)}`}`;
    case 'expired':
      return html`Expired ${ago(task.finishedAt, now)}: not started in time`;
  }
}

function actions(task: Task, principal: Principal): Html {
  const { spec, state } = task;
  const path = `/dashboard/tasks/${encodeURIComponent(spec.id)}`;
  const again = html`<a class="button" href="/dashboard/enqueue?from=${encodeURIComponent(spec.id)}"
    >Edit and enqueue…</a
  >`;
  const isAdmin = hasRole(principal, []);
  if (isFinalState(state)) {
    return html`<form class="actions" method="post" action="${path}/redrive">
      <input type="hidden" name="task" value="${spec.id}" />
      ${isRedrivableState(state) && html`<button type="submit">Redrive</button>`} ${again}
      ${
        isAdmin &&
        html`<button
          class="danger"
          type="submit"
          formaction="/dashboard/bulk/preview"
          name="action"
          value="delete"
        >
          Delete…
        </button>`
      }
      ${isRedrivableState(state) && html`<span class="hint">A redrive queues the task again with fresh budgets.</span>`}
    </form>`;
  }
  return html`<div class="actions">
    ${
      state === 'processing' &&
      isAdmin &&
      html`<form method="post" action="${path}/release"><button type="submit">Release</button></form>`
    }
    ${
      isWaitingState(state) &&
      html`<details>
        <summary class="button">Priority…</summary>
        <form class="inline" method="post" action="${path}/priority">
          ${priorityField(priorityOf(task))}
          <button type="submit">Change priority</button>
          <span class="hint">Higher priorities go first. The task keeps its place by age.</span>
        </form>
      </details>`
    }
    ${again}
    <details>
      <summary class="button danger">Cancel…</summary>
      <form class="inline" method="post" action="${path}/cancel">
        <label>Reason (optional)<input name="reason" maxlength="1000" autocomplete="off" /></label>
        <button class="danger" type="submit">Cancel this task</button>
        <span class="hint">A worker that holds the task loses its lease at once.</span>
      </form>
    </details>
  </div>`;
}
