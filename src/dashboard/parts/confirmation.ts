import { BULK_LIMIT } from '../bulk-actions.js';
import { number } from './format.js';
import { type Html, html, type Part } from './html.js';

export interface Confirmation {
  /** Target of the form. */
  readonly action: string;
  readonly hidden: readonly (readonly [name: string, value: string])[];
  /** What the action changes, and how many. */
  readonly headline: Part;
  readonly effect: Part;
  readonly count: number;
  /** What the action needs to know besides. */
  readonly field?: Part;
  /** The operator must type the number, because the tasks are not all on the page. */
  readonly isTyped: boolean;
  /** Whether the operator typed another number before. */
  readonly isMistyped: boolean;
  readonly button: string;
  readonly isDangerous?: boolean;
  readonly back: string;
}

/** The form that asks the operator once more before a bulk action. */
export function confirmation({ hidden, count, ...form }: Confirmation): Html {
  return html`<form class="card confirm" method="post" action="${form.action}">
    ${hidden.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
    <p class="headline">${form.headline}</p>
    <p>${form.effect} ${form.isTyped && 'Tasks enqueued from now on are not affected.'}</p>
    ${count === BULK_LIMIT && html`<p>More tasks match; one action changes at most ${number(BULK_LIMIT)}.</p>`}
    ${form.field}
    ${
      form.isTyped &&
      html`<label
        >Type ${count} to confirm<input name="typed" inputmode="numeric" autocomplete="off" required
      /></label>`
    }
    ${form.isMistyped && html`<p class="problem" role="alert">The number does not match; nothing was changed.</p>`}
    <div class="buttons">
      <button class="${form.isDangerous === true ? 'danger' : 'primary'}" type="submit">
        ${form.button}
      </button>
      <a class="button plain" href="${form.back}">Back</a>
    </div>
  </form>`;
}
