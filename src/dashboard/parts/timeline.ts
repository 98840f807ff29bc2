import type { Instant } from '../../task/clock.js';
import { leaseEnd } from '../../task/task.machine.js';
import { type Attempt, isFinished, type Progress, type Task } from '../../task/task.js';
import { badge, foreign } from './components.js';
import { errorBox } from './error-box.js';
import { ago, duration, errorLine, excerpt, moment, number } from './format.js';
import { type Html, html, type Part } from './html.js';

export interface TaskHistory {
  readonly task: Task;
  readonly attempts: readonly Attempt[];
  readonly now: Instant;
}

const ERROR_LENGTH = 300;

/** What happened to a task, in order: its enqueue, its attempts, and its present state. */
export function timeline({ task, attempts, now }: TaskHistory): Html {
  return html`<ol class="timeline">
    <li>
      <p class="attempt"><b>Enqueued</b> <span class="hint">${moment(task.createdAt)}</span></p>
    </li>
    ${attempts.map((_, index) => endedAttempt(task, attempts, index))} ${presentOf(task, now)}
  </ol>`;
}

function endedAttempt({ spec, createdAt }: Task, attempts: readonly Attempt[], index: number): Part {
  const ended = attempts[index];
  if (ended === undefined) return undefined;
  const { attempt, workerId, startedAt, endedAt, outcome, error, exitCode, cause, progress } = ended;
  const waited = startedAt - (attempts[index - 1]?.endedAt ?? createdAt);
  // The whole error of the last attempt is on the page already.
  const isLong = index < attempts.length - 1 && error?.trimEnd().includes('\n') === true;
  return html`<li>
    <p class="attempt">
      <b>Attempt ${attempt}</b> ${badge(outcome)} ${workerLink(workerId)}
      <span class="hint"
        >${moment(startedAt)}, after ${secondsOf(waited)}, took ${secondsOf(endedAt - startedAt)}</span
      >
      ${exitCode !== undefined && html`<span class="hint">exit code ${exitCode}</span>`}
      ${cause !== undefined && html`<span class="hint">cause ${cause}</span>`}
    </p>
    ${progress !== undefined && progressOf(progress)}
    ${
      error !== undefined &&
      (isLong
        ? errorBox(`${spec.id}-attempt-${attempt}`, error)
        : html`<p class="error-text">${foreign(errorLine(error, ERROR_LENGTH))}</p>`)
    }
  </li>`;
}

/** The current step, or the one that ended the task. */
function presentOf(task: Task, now: Instant): Part {
  if (task.state === 'processing') return runningAttempt(task, now);
  if (isFinished(task)) {
    return html`<li>
      <p class="attempt">${badge(task.state)} <span class="hint">${moment(task.finishedAt)}</span></p>
    </li>`;
  }
  const since = task.state === 'queued' ? task.queuedAt : (task.since ?? task.createdAt);
  return html`<li>
    <p class="attempt">
      ${badge(task.state)} <span class="hint">since ${ago(since, now)}</span>
      ${task.state === 'delayed' && html`<span class="hint">until ${moment(task.runAt)}</span>`}
    </p>
  </li>`;
}

function runningAttempt(task: Extract<Task, { state: 'processing' }>, now: Instant): Html {
  const { workerId, startedAt, progress } = task.lease;
  return html`<li>
    <p class="attempt">
      <b>Attempt ${task.attempt}</b> ${badge('processing')} ${workerLink(workerId)}
      <span class="hint">since ${ago(startedAt, now)}, lease ends ${ago(leaseEnd(task.lease), now)}</span>
    </p>
    ${progress !== undefined && progressOf(progress)}
  </li>`;
}

function progressOf({ percent, message }: Progress): Html {
  return html`<p class="progress">
    ${
      percent !== undefined &&
      html`<progress max="100" value="${percent}" aria-label="Progress of the attempt"></progress>
        <span>${number(percent)} %</span>`
    }
    ${message !== undefined && foreign(excerpt(message, ERROR_LENGTH))}
  </p>`;
}

function workerLink(workerId: string | undefined): Html {
  if (workerId === undefined) return html`<span>unnamed worker</span>`;
  return html`<a href="/dashboard/workers/${encodeURIComponent(workerId)}">${workerId}</a>`;
}

/** Never negative, even if the wall clock was set back. */
function secondsOf(milliseconds: number): string {
  return duration(Math.max(milliseconds, 0) / 1000);
}
