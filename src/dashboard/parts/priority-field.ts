import { LIMITS } from '../../queue/dto/limits.js';
import { type Html, html } from './html.js';

/** The input for a new priority. */
export function priorityField(priority: number | undefined): Html {
  return html`<label
    >New priority<input
      name="priority"
      type="number"
      min="${-LIMITS.priority}"
      max="${LIMITS.priority}"
      step="1"
      value="${priority}"
      autocomplete="off"
      required
  /></label>`;
}
