import type { FieldProblem } from '../../http/problem.error.js';
import { hasOutage, type QueueSettings } from '../../task/queue-settings.js';
import { LIMIT_FIELDS, type LimitTexts } from '../limits-form.js';
import { duration, number, plural } from './format.js';
import { type Html, html } from './html.js';

type Field = (typeof LIMIT_FIELDS)[number];

const HINTS: Readonly<Partial<Record<Field['name'], string>>> = {
  max_depth: 'Further enqueues get 429.',
  max_concurrency: 'Held tasks of the queue at the same time.',
  max_concurrency_per_group: 'Tasks without a group are not limited.',
  priority_ageing: 'Time in which a waiting task gains one point of priority.',
};

/** The form with the current limits; invalid fields show the reason. */
export function limitsForm(queue: string, texts: LimitTexts, problems: readonly FieldProblem[] = []): Html {
  return html`<form
    class="card limits"
    method="post"
    action="/dashboard/queues/${encodeURIComponent(queue)}/limits"
    aria-label="Limits"
  >
    <header class="card-head">
      <h2>Limits</h2>
      <p class="hint">Empty means no limit.</p>
    </header>
    ${
      problems.length > 0 &&
      html`<p class="problem" role="alert">Nothing was changed. Correct the marked fields.</p>`
    }
    <div class="limit-fields">${LIMIT_FIELDS.map((field) => limitField(field, texts, problems))}</div>
    <div class="buttons"><button class="primary" type="submit">Save limits</button></div>
  </form>`;
}

function limitField(
  { name, pointer, title, unit }: Field,
  texts: LimitTexts,
  problems: readonly FieldProblem[],
) {
  const problem = problems.find((one) => one.pointer === pointer);
  const note = problem?.detail ?? HINTS[name];
  return html`<div class="limit">
    <label for="${name}">${title}</label>
    <span class="measure">
      <input
        id="${name}"
        name="${name}"
        value="${texts[name]}"
        inputmode="decimal"
        maxlength="20"
        autocomplete="off"
        aria-invalid="${problem === undefined ? 'false' : 'true'}"
        aria-describedby="${name}-note"
      />
      <span class="unit">${unit}</span>
    </span>
    <p id="${name}-note" class="${problem === undefined ? 'hint' : 'problem'}">${note}</p>
  </div>`;
}

/** The limits in words; empty when there are none. */
export function limitsInWords(settings: QueueSettings): readonly string[] {
  const { maxDepth, maxConcurrency, maxConcurrencyPerGroup, rateLimit, priorityAgeing } = settings;
  return [
    hasOutage(settings) && 'outage: one task a second',
    maxDepth !== undefined && `at most ${number(maxDepth)} waiting`,
    maxConcurrency !== undefined && `at most ${number(maxConcurrency)} held`,
    maxConcurrencyPerGroup !== undefined && `at most ${number(maxConcurrencyPerGroup)} held per group`,
    rateLimit !== undefined && `${plural(rateLimit.tasks, 'task')} per ${duration(rateLimit.per)}`,
    priorityAgeing !== undefined && `one priority point per ${duration(priorityAgeing)}`,
  ].filter((text) => text !== false);
}
