import { Injectable } from '@nestjs/common';
import { hasRole, type Principal } from '../../auth/principal.js';
import { requireVisible, seesPayloads } from '../../queue/queue-access.js';
import { QueueService } from '../../queue/queue.service.js';
import { Clock, type Instant } from '../../task/clock.js';
import { leaseEnd } from '../../task/task.machine.js';
import { isFinished, type Task, type TaskSpec } from '../../task/task.js';
import type { Page } from '../page-sender.js';
import { badge, card, facts, foreign, orNone } from '../parts/components.js';
import { ago, duration, moment, plural } from '../parts/format.js';
import { type Html, html, type Part } from '../parts/html.js';
import { timeline } from '../parts/timeline.js';
import { curlToEnqueue, curlToRead } from '../curl.js';
import { isFinalState, isRedrivableState } from '../../task/task-state.js';

/** Longer texts are cut here, because a browser is slow with megabytes. */
const SHOWN_CHARACTERS = 65_536;

/** All details of one task. */
@Injectable()
export class TaskPage {
  constructor(
    private readonly queue: QueueService,
    private readonly clock: Clock,
  ) {}

  /** @throws TaskNotFound */
  async page(principal: Principal, id: string, origin: string): Promise<Page> {
    const task = await this.find(principal, id);
    return {
      title: id,
      section: '/dashboard/tasks',
      top: html`<p class="crumbs"><a href="/dashboard/tasks">Tasks</a></p>
        <h1 class="id">${id}</h1>`,
      live: () => this.render(principal, id),
      bottom: seesPayloads(principal) ? await this.payload(task, origin) : VEILED,
      taskId: id,
    };
  }

  private async find(principal: Principal, id: string): Promise<Task> {
    return requireVisible(principal, await this.queue.find(id));
  }

  private async render(principal: Principal, id: string): Promise<Html> {
    const { task, position } = await this.queue.place(await this.find(principal, id));
    requireVisible(principal, task);
    const attempts = await this.queue.attempts(task);
    const { error } = await this.queue.details(task);
    const output = seesPayloads(principal) ? await this.queue.output(task) : undefined;
    const now = this.clock.now().wall;
    return html`
      <p class="headline">${badge(task.state)} <span>${headlineOf(task, { position, now })}</span></p>
      ${hasRole(principal, ['producer']) && actions(task)}
      ${error !== undefined && card('Last error', textBox(error))}
      ${card('Attempts', timeline({ task, attempts, now }))} ${card('Fields', fields(task, now))}
      ${output !== undefined && card('Output', textBox(output))}
    `;
  }

  /**
   * The payload never changes and contains the viewer's own address of the service, so it is not part of the stream.
   */
  private async payload(task: Task, origin: string): Promise<Html> {
    const { spec } = task;
    const { code, metadata } = await this.queue.payload(task);
    return html`<section class="card" aria-label="Payload">
      ${folded('Code', code, `${plural(code.length, 'character')} of ${spec.language}`)}
      ${metadata !== undefined && folded('Metadata', metadata, plural(metadata.length, 'character'))}
      ${copyButton('Copy curl command to read it', curlToRead(spec.id, origin))}
      ${copyButton('Copy curl command to enqueue it again', curlToEnqueue(spec, { code, metadata }, origin))}
    </section>`;
  }
}

const VEILED = html`<section class="card" aria-label="Payload">
  <p class="hint">Viewers cannot see payloads and outputs.</p>
</section>`;

function headlineOf(task: Task, { position, now }: { position: number | undefined; now: Instant }): Part {
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
      return html`Failed ${ago(task.finishedAt, now)}:
      ${task.outcome === 'lost' ? 'no interruptions left' : 'no attempts left'}`;
    case 'cancelled':
      return html`Cancelled
      ${ago(task.finishedAt, now)}${task.reason !== undefined && html`: ${foreign(task.reason)}`}`;
    case 'expired':
      return html`Expired ${ago(task.finishedAt, now)}: not started in time`;
  }
}

function actions({ spec, state }: Task): Html {
  const path = `/dashboard/tasks/${encodeURIComponent(spec.id)}`;
  if (isRedrivableState(state)) {
    return html`<form class="actions" method="post" action="${path}/redrive">
      <button type="submit">Redrive</button>
      <span class="hint">Queues the task again with fresh budgets.</span>
    </form>`;
  }
  if (isFinalState(state)) return html``;
  return html`<details class="actions">
    <summary class="button danger">Cancel…</summary>
    <form class="inline" method="post" action="${path}/cancel">
      <label>Reason (optional)<input name="reason" maxlength="1000" autocomplete="off" /></label>
      <button class="danger" type="submit">Cancel this task</button>
      <span class="hint">A worker that holds the task loses its lease at once.</span>
    </form>
  </details>`;
}

function fields(task: Task, now: Instant): Html {
  const { spec, last } = task;
  const { backoff } = spec;
  return facts([
    ['Queue', html`<a href="/dashboard/queues/${encodeURIComponent(spec.queue)}">${spec.queue}</a>`],
    [
      'Group',
      orNone(
        spec.group !== undefined &&
          html`<a href="/dashboard/tasks?group=${encodeURIComponent(spec.group)}">${foreign(spec.group)}</a>`,
      ),
    ],
    ['Requires', orNone(requirementsOf(spec))],
    ['Priority', spec.priority],
    [
      'Batch',
      orNone(
        spec.batchId !== undefined &&
          html`<a href="/dashboard/tasks?batch_id=${encodeURIComponent(spec.batchId)}">${spec.batchId}</a>`,
      ),
    ],
    ['Language and engine', `${spec.language} on ${spec.engine}`],
    ['Timeout', duration(spec.timeout)],
    ['Failures', `${task.failures} of ${spec.maxAttempts} used`],
    ['Interruptions', `${task.interruptions} of ${spec.maxInterruptions} used`],
    ['Backoff', `${backoff.type}, ${duration(backoff.delay)} to ${duration(backoff.maxDelay)}`],
    ['Attempts', task.attempt],
    ['Exit code', orNone(last?.exitCode)],
    ['Enqueued', moment(task.createdAt)],
    ['Expires', orNone(task.startBy !== undefined && moment(task.startBy))],
    ['Started', orNone(task.startedAt !== undefined && moment(task.startedAt))],
    ['Ended', orNone(isFinished(task) && moment(task.finishedAt))],
    ['Total time', duration(Math.max((isFinished(task) ? task.finishedAt : now) - task.createdAt, 0) / 1000)],
    ['Trace', orNone(spec.traceparent)],
  ]);
}

function requirementsOf({ requires = {} }: TaskSpec): string {
  return Object.entries(requires)
    .map(([label, value]) => `${label}: ${value}`)
    .join(', ');
}

function folded(title: string, text: string, hint: string): Html {
  return html`<details class="folded">
    <summary>${title} <span class="hint">${hint}</span></summary>
    ${textBox(text)}
  </details>`;
}

function textBox(text: string): Html {
  const isCut = text.length > SHOWN_CHARACTERS;
  return html`<pre
      class="text"
      tabindex="0"
    ><code>${isCut ? text.slice(0, SHOWN_CHARACTERS) : text}</code></pre>
    ${isCut && html`<p class="hint">Cut; the API returns all ${plural(text.length, 'character')}.</p>`}`;
}

function copyButton(title: string, text: string | undefined): Part {
  if (text === undefined) return undefined;
  return html`<button type="button" class="plain" data-copy="${text}">${title}</button>`;
}
