import type { QueueStatus } from '../../queue/status.service.js';
import { type StateCounts, TASK_STATES, type TaskState } from '../../task/task-state.js';
import { badge } from './components.js';
import { duration, number } from './format.js';
import { type Html, html } from './html.js';

/** What each state means to an operator. */
const MEANINGS: Readonly<Record<TaskState, string>> = {
  delayed: 'not yet due',
  queued: 'ready for a worker',
  processing: 'held by workers',
  completed: 'succeeded',
  failed: 'dead letters',
  cancelled: 'stopped by a client',
  expired: 'not started in time',
};

/** The number of tasks in each state, each linked to its tasks, and the longest wait. */
export function tiles(status: QueueStatus, queue?: string): Html {
  return tileList(
    status,
    queue === undefined ? '' : `queue=${encodeURIComponent(queue)}`,
    html`<li class="tile">
      <div>
        <span class="label">Oldest queued</span>
        ${figure(status.oldest_queued_age === null ? 'none' : duration(status.oldest_queued_age))}
        <span class="meaning">longest wait for a worker</span>
      </div>
    </li>`,
  );
}

/** Longer texts are smaller, so that they stay on one line of the tile. */
const LONG = 7;

function figure(text: string): Html {
  return html`<span class="figure ${text.length > LONG && 'long'}">${text}</span>`;
}

/** @param scope the filter of the linked lists, as a query */
export function tileList(counts: StateCounts, scope: string, more?: Html): Html {
  const place = scope === '' ? '' : `&${scope}`;
  return html`<ul class="tiles">
    ${TASK_STATES.map(
      (state) =>
        html`<li class="tile">
          <a href="/dashboard/tasks?status=${state}${place}">
            ${badge(state)} ${figure(number(counts[state]))}
            <span class="meaning">${MEANINGS[state]}</span>
          </a>
        </li>`,
    )}
    ${more}
  </ul>`;
}
