import { pendingOf } from '../../batches/batch.js';
import type { CountedBatch } from '../../batches/batch.service.js';
import { countIn } from '../../task/task-state.js';
import { number } from './format.js';
import { type Html, html } from './html.js';

/** The ended tasks of a batch, as a bar and in numbers. */
export function progressOf({ id, counts }: CountedBatch): Html {
  const total = countIn(counts);
  const ended = total - pendingOf(counts);
  return html`<span class="progress"
    ><progress max="${Math.max(total, 1)}" value="${ended}" aria-label="Progress of ${id}"></progress>
    <span>${number(ended)} of ${number(total)}</span></span
  >`;
}
