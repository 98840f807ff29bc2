import type { Instant } from '../../task/clock.js';
import { leaseEnd } from '../../task/task.machine.js';
import type { Attempt, Task } from '../../task/task.js';
import { badge, emptyState, foreign } from './components.js';
import { ago, duration, errorLine, excerpt, moment, number } from './format.js';
import { type Html, html } from './html.js';

export interface TaskHistory {
  readonly task: Task;
  readonly attempts: readonly Attempt[];
  readonly now: Instant;
}

const ERROR_LENGTH = 300;

/** The attempts in order, the current one last. */
export function timeline({ task, attempts, now }: TaskHistory): Html {
  if (attempts.length === 0 && task.state !== 'processing') {
    return emptyState('No attempt yet', 'The first claim starts one.');
  }
  return html`<ol class="timeline">
    ${attempts.map(endedAttempt)} ${task.state === 'processing' && runningAttempt(task, now)}
  </ol>`;
}

function endedAttempt({ attempt, workerId, startedAt, endedAt, outcome, error, exitCode }: Attempt): Html {
  return html`<li>
    <p class="attempt">
      <b>Attempt ${attempt}</b> ${badge(outcome)}
      <span>${workerId ?? 'unnamed worker'}</span>
      <span class="hint"
        >${moment(startedAt)}, took ${duration(Math.max(endedAt - startedAt, 0) / 1000)}</span
      >
      ${exitCode !== undefined && html`<span class="hint">exit code ${exitCode}</span>`}
    </p>
    ${error !== undefined && html`<p class="error-text">${foreign(errorLine(error, ERROR_LENGTH))}</p>`}
  </li>`;
}

function runningAttempt(task: Extract<Task, { state: 'processing' }>, now: Instant): Html {
  const { workerId, startedAt, progress } = task.lease;
  return html`<li>
    <p class="attempt">
      <b>Attempt ${task.attempt}</b> ${badge('processing')}
      <span>${workerId ?? 'unnamed worker'}</span>
      <span class="hint">since ${ago(startedAt, now)}, lease ends ${ago(leaseEnd(task.lease), now)}</span>
    </p>
    ${
      progress !== undefined &&
      html`<p class="progress">
        ${
          progress.percent !== undefined &&
          html`<progress
              max="100"
              value="${progress.percent}"
              aria-label="Progress of the attempt"
            ></progress>
            <span>${number(progress.percent)} %</span>`
        }
        ${progress.message !== undefined && foreign(excerpt(progress.message, ERROR_LENGTH))}
      </p>`
    }
  </li>`;
}
