import type { FieldProblem } from '../../http/problem.error.js';
import type { QueueSettings } from '../../task/queue-settings.js';
import { LIMIT_FIELDS, type LimitTexts } from '../limits.form.js';
import { duration, number, plural } from './format.js';
import { type Html, html } from './html.js';

type Field = (typeof LIMIT_FIELDS)[number];

const HINTS: Readonly<Partial<Record<Field['name'], string>>> = {
  max_depth: 'One more is refused until there is room.',
  max_concurrency: 'No more are handed out while so many are being worked on.',
  max_concurrency_per_group: 'Tasks without a group are not limited by it.',
  priority_ageing: 'A task that waits gains a point each time, so that none waits for ever.',
};

/** The fields of the limits, filled in; what cannot be used has the reason beside it. */
export function limitsForm(queue: string, texts: LimitTexts, problems: readonly FieldProblem[] = []): Html {
  return html`<form
    class="card limits"
    method="post"
    action="/dashboard/queues/${encodeURIComponent(queue)}/limits"
    aria-label="Limits"
  >
    <header class="card-head">
      <h2>Limits</h2>
      <p class="hint">An empty field limits nothing.</p>
    </header>
    ${
      problems.length > 0 &&
      html`<p class="problem" role="alert">Nothing was changed; look at the fields below.</p>`
    }
    <div class="limit-fields">${LIMIT_FIELDS.map((field) => limitField(field, texts, problems))}</div>
    <div class="buttons"><button class="primary" type="submit">Set limits</button></div>
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

/** What is set, in words; empty when nothing is. */
export function limitsInWords(settings: QueueSettings): readonly string[] {
  const { maxDepth, maxConcurrency, maxConcurrencyPerGroup, rateLimit, priorityAgeing } = settings;
  return [
    maxDepth !== undefined && `${number(maxDepth)} may wait`,
    maxConcurrency !== undefined && `${number(maxConcurrency)} at the same time`,
    maxConcurrencyPerGroup !== undefined && `${number(maxConcurrencyPerGroup)} in each group`,
    rateLimit !== undefined && `${plural(rateLimit.tasks, 'task')} per ${duration(rateLimit.per)}`,
    priorityAgeing !== undefined && `one priority point per ${duration(priorityAgeing)}`,
  ].filter((text) => text !== false);
}
